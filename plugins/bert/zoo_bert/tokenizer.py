"""WordPiece; Devlin et al. 2019, section 3, after Wu et al. 2016, arXiv:1609.08144, section 4.1."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat
from pathlib import Path
from typing import Self

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from zoo import ZooError
from zoo.text.lines import read_lines
from zoo.text.rust_tokenizer import FILE, RustTokenizer, SpecialTokens, alphabet, count_words, read_rust

CONTINUES = "##"


class WordPiece(RustTokenizer):
    """Words split at punctuation, then each into the longest pieces of a vocabulary, from left to right.

    `strip_accents` follows `lowercase` unless given; `split_chinese` makes a word of every CJK character.
    """

    names = SpecialTokens(pad="[PAD]", unk="[UNK]", cls="[CLS]", sep="[SEP]", mask="[MASK]")
    model = models.WordPiece

    @classmethod
    def train(  # a family names its own options
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_chinese: bool = True,
    ) -> Self:
        """Pieces learnt by merging the most frequent pair, as long as it occurs at least twice.

        The characters of the text take up to half of the vocabulary; rarer ones become unknown.
        """
        rust = _assemble({}, lowercase, strip_accents, split_chinese)
        words = count_words(texts, rust.normalizer, rust.pre_tokenizer)
        letters = alphabet(words, (vocab_size - len(cls.names)) // 4)
        kept = {word: count for word, count in words.items() if set(letters).issuperset(word)}
        # The trainer numbers "##x" in the order of a hash table, and lets these numbers decide between equally
        # frequent pairs. Numbered before, as if they were special, they make the same pieces every time.
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            special_tokens=[*cls.names, *letters, *(CONTINUES + letter for letter in letters)],
            limit_alphabet=len(letters),
            continuing_subword_prefix=CONTINUES,
            show_progress=False,
        )
        learner = tokenizers.Tokenizer(models.WordPiece(unk_token=cls.names.unk))
        learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        learner.train_from_iterator(chain.from_iterable(repeat(word, kept[word]) for word in sorted(kept)), trainer)
        return cls(_assemble(learner.get_vocab(), lowercase, strip_accents, split_chinese))

    @classmethod
    def load(  # a family names its own options
        cls,
        folder: Path,
        *,
        lowercase: bool | None = None,
        strip_accents: bool | None = None,
        split_chinese: bool | None = None,
    ) -> Self:
        """The tokenizer of a folder: its tokenizer.json, which options given here overrule, or its vocab.txt."""
        path = folder / "vocab.txt"
        if (folder / FILE).exists() or not path.exists():
            rust = read_rust(folder, cls.model)
            _overrule(rust.normalizer, lowercase, strip_accents, split_chinese)
            return cls(rust)
        vocabulary: dict[str, int] = {}
        for number, piece in read_lines(path):
            if piece in vocabulary:
                raise ZooError(f"{path}:{number}: {piece!r} is already in line {vocabulary[piece] + 1}; remove one")
            vocabulary[piece] = number - 1
        try:
            return cls(_assemble(vocabulary, lowercase is not False, strip_accents, split_chinese is not False))
        except ZooError as error:
            raise ZooError(f"{path}: {error}") from None

    @staticmethod
    def begins_word(piece: str) -> bool:
        """Whether a piece is the first of a word."""
        return not piece.startswith(CONTINUES)


def _assemble(
    vocabulary: dict[str, int], lowercase: bool, strip_accents: bool | None, split_chinese: bool
) -> tokenizers.Tokenizer:
    rust = tokenizers.Tokenizer(
        models.WordPiece(vocabulary, unk_token=WordPiece.names.unk, continuing_subword_prefix=CONTINUES)
    )
    rust.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=split_chinese, strip_accents=strip_accents, lowercase=lowercase
    )
    rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rust.decoder = decoders.WordPiece(prefix=CONTINUES)
    return rust


def _overrule(
    normalizer: object, lowercase: bool | None, strip_accents: bool | None, split_chinese: bool | None
) -> None:
    if isinstance(normalizer, normalizers.BertNormalizer):
        if lowercase is not None:
            normalizer.lowercase = lowercase
        if strip_accents is not None:
            normalizer.strip_accents = strip_accents
        if split_chinese is not None:
            normalizer.handle_chinese_chars = split_chinese
