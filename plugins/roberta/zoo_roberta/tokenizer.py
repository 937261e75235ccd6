"""Byte-level BPE as Liu et al. 2019, section 4.4, have it."""

from __future__ import annotations

from zoo.text.byte_level import VOCABULARY, ByteLevelTokenizer, byte_level_document
from zoo.text.rust_tokenizer import SpecialTokens
from zoo.text.schemes import Document, Ids, Scheme
from zoo_roberta.weights import FORMAT


class ByteLevelBPE(ByteLevelTokenizer):
    """Words with the space before them, as bytes, merged pair by pair; nothing is unknown, case is kept.

    With `add_prefix_space` the first word of a text has a space before it too, so that it is the same piece
    as within a sentence; the released vocabulary was used without.
    """

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="<s>", sep="</s>", mask="<mask>")
    n_separators = 2


def _frame(roles: Ids, document: Document) -> Document:
    spaces = {key: document["pre_tokenizer"][key] for key in ("trim_offsets", "add_prefix_space")}
    return {"type": "RobertaProcessing", "sep": roles["sep"], "cls": roles["cls"], **spaces}


_NAMES = {**ByteLevelBPE.names._asdict(), "bos": "<s>", "eos": "</s>"}
ByteLevelBPE.schemes = dict.fromkeys(
    FORMAT.tokenizer_classes, Scheme("BPE", _NAMES, byte_level_document, VOCABULARY, _frame)
)
