"""Pieces of a unigram language model, as in SentencePiece; Lan et al. 2020, section 4.1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from tokenizers import normalizers, pre_tokenizers

from zoo.text.rust_tokenizer import SpecialTokens
from zoo.text.schemes import Document, Ids, Scheme, said_flag, template
from zoo.text.unigram_tokenizer import UnigramTokenizer, pieces_of, unigram_document
from zoo.weights.folder import CheckpointFolder
from zoo_albert.weights import FORMAT

PIECES = "spiece.model"


class Unigram(UnigramTokenizer):
    """Words with the space before them, cut into their most probable pieces.

    Quotes written `` and '' become ", compatibility forms are decomposed (NFKD), accents go if `strip_accents`.
    """

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="[CLS]", sep="[SEP]", mask="[MASK]")

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int, *, lowercase: bool = True, strip_accents: bool = True
    ) -> Self:
        """Pieces learned as by UnigramTokenizer."""
        accents = [normalizers.StripAccents()] * strip_accents
        return cls.learn(texts, vocab_size, [*_quotes(), normalizers.NFKD(), *accents, *_case(lowercase)])


def _quotes() -> list[normalizers.Normalizer]:
    return [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]


def _case(lowercase: bool) -> list[normalizers.Normalizer]:
    return [normalizers.Lowercase()] if lowercase else []


def _of_folder(folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces, and what AlbertTokenizer of transformers 5.23 does before and after."""
    keeps = None if options.get("strip_accents") is None else not options["strip_accents"]
    steps = _quotes()
    if not said_flag(folder, "keep_accents", keeps, False):
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    steps += _case(bool(said_flag(folder, "do_lower_case", options.get("lowercase"), True)))
    prepend = "always" if said_flag(folder, "add_prefix_space", None, True) else "never"
    document = unigram_document(pieces_of(folder, PIECES), steps, [pre_tokenizers.WhitespaceSplit()], prepend=prepend)
    document["post_processor"] = folder.tokenizer.get("post_processor") if folder.tokenizer else None
    return document


def _frame(roles: Ids, document: Document) -> Document:
    return document["post_processor"] or template(roles["cls"], roles["sep"])


_NAMES = {**Unigram.names._asdict(), "bos": "[CLS]", "eos": "[SEP]"}
Unigram.schemes = dict.fromkeys(FORMAT.tokenizer_classes, Scheme("Unigram", _NAMES, _of_folder, PIECES, _frame))
