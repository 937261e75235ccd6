"""Whole words as tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from zoo.text.counting import count_words
from zoo.text.rust_tokenizer import RustTokenizer, SpecialTokens
from zoo.text.schemes import template


class Words(RustTokenizer):
    """Words in lower case and marks of punctuation, one token each; Zhang et al. 2021, section 15.9.

    Words that occur fewer than `min_frequency` times are unknown.
    """

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="<cls>", sep="<sep>", mask="<mask>")

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int, *, lowercase: bool = True, min_frequency: int = 5
    ) -> Self:
        """The most frequent words."""
        rust = _words({}, lowercase)
        counts = count_words(texts, rust.normalizer, rust.pre_tokenizer)
        often = sorted((word for word, n in counts.items() if n >= min_frequency), key=lambda w: (-counts[w], w))
        kept = [word for word in often if word not in cls.names][: vocab_size - len(cls.names)]
        ids = {piece: index for index, piece in enumerate([*cls.names, *kept])}
        frame = template((cls.names.cls, ids[cls.names.cls]), (cls.names.sep, ids[cls.names.sep]))
        return cls.trained(_words(ids, lowercase), frame)


def _words(vocabulary: dict[str, int], lowercase: bool) -> tokenizers.Tokenizer:
    rust = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=Words.names.unk))
    rust.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=False)
    rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return rust
