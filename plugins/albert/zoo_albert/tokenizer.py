"""Pieces of a unigram language model, as SentencePiece makes them; Lan et al. 2020, section 4.1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers

from zoo import ZooError
from zoo.text.rust_tokenizer import (
    FILE,
    RustTokenizer,
    SpecialTokens,
    count_letters,
    count_words,
    most_frequent,
    read_rust,
)
from zoo_albert.spiece import read_spiece
from zoo_albert.unigram import learn_pieces

SPACE = "\u2581"  # how SentencePiece writes a space

# A piece is letters and digits, or other signs, never both; either may begin with the space before it.
CHUNKS = rf"{SPACE}?[\p{{L}}\p{{N}}\p{{M}}]+|{SPACE}?[^\p{{L}}\p{{N}}\p{{M}}{SPACE}]+|{SPACE}"


class Unigram(RustTokenizer):
    """Words with the space before them, cut into their most probable pieces.

    Quotes written `` and '' become ", compatibility forms are decomposed (NFKD), accents go if `strip_accents`.
    """

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="[CLS]", sep="[SEP]", mask="[MASK]")
    model = models.Unigram

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int, *, lowercase: bool = True, strip_accents: bool = True
    ) -> Self:
        """Pieces learnt as in zoo_albert.unigram.

        Characters may take half of the vocabulary, or more to cover 99.99% of the text; those without room are unknown.
        """
        rust = _assemble([], lowercase, strip_accents)
        n_pieces = vocab_size - len(cls.names)
        words = count_words(texts, rust.normalizer, rust.pre_tokenizer)
        letters = sorted(most_frequent(count_letters(words), n_pieces))
        return cls(_assemble(learn_pieces(words, n_pieces, letters), lowercase, strip_accents))

    @classmethod
    def load(  # a family names its own options
        cls, folder: Path, *, lowercase: bool = True, strip_accents: bool = True
    ) -> Self:
        """The tokenizer of a folder: its tokenizer.json, which says what the options say, or its spiece.model."""
        path = folder / "spiece.model"
        if (folder / FILE).exists() or not path.exists():
            return cls(read_rust(folder, cls.model))
        found = read_spiece(path)
        rust = tokenizers.Tokenizer(models.Unigram(found.scores, unk_id=found.unknown, byte_fallback=False))
        steps: list[normalizers.Normalizer] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
        if strip_accents:
            steps += [normalizers.NFKD(), normalizers.StripAccents()]
        if lowercase:
            steps.append(normalizers.Lowercase())
        if found.characters:
            steps.append(normalizers.Precompiled(found.characters))
        rust.normalizer = normalizers.Sequence(steps)
        rust.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        rust.decoder = decoders.Metaspace()
        try:
            return cls(rust)
        except ZooError as error:
            raise ZooError(f"{path}: {error}") from None

    @staticmethod
    def begins_word(piece: str) -> bool:
        """Whether a piece is the first of a word: it has the space, or is no plain letters and digits."""
        return piece.startswith(SPACE) or not (piece.isascii() and piece.isalnum())


def _assemble(pieces: Sequence[tuple[str, float]], lowercase: bool, strip_accents: bool) -> tokenizers.Tokenizer:
    special = [(name, 0.0) for name in Unigram.names]
    rust = tokenizers.Tokenizer(models.Unigram([*special, *pieces], unk_id=1, byte_fallback=False))
    steps: list[normalizers.Normalizer] = [
        normalizers.Replace("``", '"'),
        normalizers.Replace("''", '"'),
        normalizers.NFKD(),
    ]
    if strip_accents:
        steps.append(normalizers.StripAccents())
    if lowercase:
        steps.append(normalizers.Lowercase())
    rust.normalizer = normalizers.Sequence([*steps, normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    rust.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Split(Regex(CHUNKS), "isolated")]
    )
    rust.decoder = decoders.Metaspace()
    return rust
