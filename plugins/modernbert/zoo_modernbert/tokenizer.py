"""Byte-level BPE after OLMo's, with BERT's special tokens; Warner et al. 2024, section 2.2.1."""

from __future__ import annotations

from zoo.text.byte_level import ByteLevelTokenizer
from zoo.text.rust_tokenizer import SpecialTokens


class ByteLevelBPE(ByteLevelTokenizer):
    """Bytes of text in normal form C, merged pair by pair. A folder of the family is its tokenizer.json."""

    names = SpecialTokens(pad="[PAD]", unk="[UNK]", cls="[CLS]", sep="[SEP]", mask="[MASK]")
    normal_form = "NFC"
