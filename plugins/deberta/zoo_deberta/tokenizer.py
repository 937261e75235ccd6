"""SentencePiece pieces with BERT's special tokens, as from version 2 on; microsoft/DeBERTa, README."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from tokenizers import Regex, normalizers, pre_tokenizers

from zoo.text.rust_tokenizer import SpecialTokens
from zoo.text.schemes import Document, Ids, Scheme, said_flag, template
from zoo.text.unigram_tokenizer import UnigramTokenizer, pieces_of, unigram_document
from zoo.weights.folder import CheckpointFolder
from zoo_deberta.weights import FORMAT

PIECES = "spm.model"


class Unigram(UnigramTokenizer):
    """Pieces in normal form C, in lower case if `lowercase`; with `split_punctuation`, a sign is a word of its own."""

    names = SpecialTokens(pad="[PAD]", unk="[UNK]", cls="[CLS]", sep="[SEP]", mask="[MASK]")

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int, *, lowercase: bool = False, split_punctuation: bool = False
    ) -> Self:
        """Pieces learned as by UnigramTokenizer."""
        return cls.learn(texts, vocab_size, [*_case(lowercase), normalizers.NFC()], _splits(split_punctuation))


def _case(lowercase: bool | None) -> list[normalizers.Normalizer]:
    return [normalizers.Lowercase()] if lowercase else []


def _splits(split_punctuation: bool | None) -> list[pre_tokenizers.PreTokenizer]:
    return [pre_tokenizers.Punctuation(behavior="isolated")] if split_punctuation else []


def _of_folder(folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces, and what DebertaV2Tokenizer of transformers 5.23 does before and after.

    It leaves out the table of characters that the file holds.
    """
    steps = [
        *_case(said_flag(folder, "do_lower_case", options.get("lowercase"), False)),
        normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
        normalizers.NFC(),
        normalizers.Strip(left=False, right=True),
    ]
    splits = _splits(said_flag(folder, "split_by_punct", options.get("split_punctuation"), False))
    prepend = "always" if said_flag(folder, "add_prefix_space", None, True) else "first"
    return unigram_document(pieces_of(folder, PIECES)._replace(table=None), steps, splits, prepend=prepend)


def _frame(roles: Ids, document: Document) -> Document:
    return template(roles["cls"], roles["sep"])


_NAMES = {**Unigram.names._asdict(), "bos": "[CLS]", "eos": "[SEP]"}
Unigram.schemes = dict.fromkeys(
    FORMAT.tokenizer_classes, Scheme("Unigram", _NAMES, _of_folder, PIECES, _frame, has_segments=True)
)
