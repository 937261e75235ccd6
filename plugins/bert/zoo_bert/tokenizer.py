"""WordPiece; Devlin et al. 2019, section 3, after Wu et al. 2016, arXiv:1609.08144, section 4.1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Self

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from zoo import ZooError
from zoo.text.lines import read_lines
from zoo.text.rust_tokenizer import (
    FILE,
    RustTokenizer,
    SpecialTokens,
    count_letters,
    count_words,
    most_frequent,
    read_rust,
)

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

        A vocabulary begins with characters in the forms in which they occur, to begin a word or to go on in it. They
        may take half of it, or more to cover 99.99% of the text; those without room are unknown.
        """
        rust = _assemble({}, lowercase, strip_accents, split_chinese)
        words = count_words(texts, rust.normalizer, rust.pre_tokenizer)
        counts = count_letters(words, _forms)
        room = vocab_size - len(cls.names)
        forms = sorted(most_frequent(counts, room))
        learnt = [*forms, *_merged(words, forms, room)]
        rest = sorted(counts.keys() - set(learnt), key=lambda form: (-counts[form], form))
        vocabulary = [*cls.names, *learnt, *rest][:vocab_size]
        ids = {piece: index for index, piece in enumerate(vocabulary)}
        return cls(_assemble(ids, lowercase, strip_accents, split_chinese))

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


def _forms(word: str) -> list[str]:
    """A word's characters, as pieces are written."""
    return [word[0], *(CONTINUES + letter for letter in word[1:])]


def _merged(words: Counter[str], forms: Sequence[str], room: int) -> list[str]:
    """The pieces that the library's trainer makes of words whose characters have all a form; with these they fit."""
    kept = {word: count for word, count in words.items() if set(forms).issuperset(_forms(word))}
    # The trainer numbers "##x" in the order of a hash table, and lets these numbers decide between equally frequent
    # pairs. Numbered before, as if they were special, they make the same pieces every time. It reads "##x" only where
    # there is an "x": such helpers are not counted.
    letters = {form.removeprefix(CONTINUES) for form in forms}
    helpers = sorted(letters - set(forms))
    trainer = trainers.WordPieceTrainer(
        vocab_size=room + len(helpers),
        min_frequency=2,
        special_tokens=[*forms, *helpers],
        limit_alphabet=len(letters),
        continuing_subword_prefix=CONTINUES,
        show_progress=False,
    )
    learner = tokenizers.Tokenizer(models.WordPiece(unk_token=WordPiece.names.unk))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(chain.from_iterable(repeat(word, kept[word]) for word in sorted(kept)), trainer)
    ids = learner.get_vocab()
    return [piece for piece in sorted(ids, key=ids.__getitem__) if ids[piece] >= len(forms) + len(helpers)]


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
