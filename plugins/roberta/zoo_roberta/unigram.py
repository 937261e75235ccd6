"""The SentencePiece tokenizers of XLM-R and CamemBERT.

Conneau et al. 2020, arXiv:1911.02116, section 3; Martin et al. 2020, arXiv:1911.03894, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Self

from tokenizers import normalizers, pre_tokenizers

from zoo.text.rust_tokenizer import SpecialTokens
from zoo.text.schemes import Document, Ids, Scheme, said_flag, template
from zoo.text.unigram_tokenizer import UnigramTokenizer, pieces_of, unigram_document
from zoo.weights.folder import CheckpointFolder

PIECES = "sentencepiece.bpe.model"  # called so whatever it holds; it is a unigram model

FIRST = {
    "XLMRobertaTokenizer": (["<s>", "<pad>", "</s>", "<unk>"], 3),
    "CamembertTokenizer": (["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED"], 1),
}
"""The pieces that a vocabulary begins with, as in fairseq, and how many of a SentencePiece model they stand for."""

NEVER = -100.0
"""The score of a piece that no text shall have."""


class XLMRobertaUnigram(UnigramTokenizer):
    """Cased pieces in compatibility form (NFKC), with RoBERTa's special tokens and two separators between texts."""

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="<s>", sep="</s>", mask="<mask>")

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> Self:
        """Pieces learned as by UnigramTokenizer."""
        return cls.learn(texts, vocab_size, [normalizers.NFKC()], n_between=2, second=0)


class CamembertUnigram(XLMRobertaUnigram):
    """The same, read from CamemBERT's files, whose vocabularies begin in another way."""


def _of_folder(named: str, folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces, and what the tokenizers of transformers 5.23 do before and after."""
    prepend = "always" if said_flag(folder, "add_prefix_space", None, True) else "never"
    pieces = pieces_of(folder, PIECES)
    first, n_replaced = FIRST[named]
    if folder.tokenizer and not {"additional_special_tokens", "extra_special_tokens"} & set(folder.tokenizer_config):
        pieces = pieces._replace(added=[(piece, True) for piece in first if piece.endswith("NOTUSED")])
    elif not folder.tokenizer:
        begin = [(piece, NEVER if piece == "<unk>NOTUSED" else 0.0) for piece in first]
        pieces = pieces._replace(scores=[*begin, *(pieces.scores or [])[n_replaced:], ("<mask>", 0.0)])
    return unigram_document(pieces, [], [pre_tokenizers.WhitespaceSplit()], prepend=prepend)


def _frame(roles: Ids, document: Document) -> Document:
    return template(roles.get("bos", roles["cls"]), roles.get("eos", roles["sep"]), n_between=2, second=0)


_NAMES = {**XLMRobertaUnigram.names._asdict(), "bos": "<s>", "eos": "</s>"}
_MASK = {"content": "<mask>", "lstrip": True, "special": True}


def _schemes(named: str, names: Mapping[str, Any]) -> dict[str, Scheme]:
    return {named: Scheme("Unigram", names, partial(_of_folder, named), PIECES, _frame)}


XLMRobertaUnigram.schemes = _schemes("XLMRobertaTokenizer", _NAMES)
CamembertUnigram.schemes = _schemes("CamembertTokenizer", {**_NAMES, "mask": _MASK})
