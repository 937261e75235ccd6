"""Byte-level BPE; Radford et al. 2019, section 2.2, as used by Liu et al. 2019, section 4.4."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from zoo import ZooError
from zoo.text.lines import read_lines
from zoo.text.rust_tokenizer import FILE, RustTokenizer, SpecialTokens, read_rust

SPACE = "\u0120"  # how the byte of a space is written in the vocabulary

Merges = Sequence[tuple[str, str]]


class ByteLevelBPE(RustTokenizer):
    """Words with the space before them, as bytes, merged pair by pair; nothing is unknown, case is kept.

    With `add_prefix_space` the first word of a text has a space before it too, so that it is the same piece
    as within a sentence; the released vocabulary was used without.
    """

    names = SpecialTokens(pad="<pad>", unk="<unk>", cls="<s>", sep="</s>", mask="<mask>")
    model = models.BPE
    n_between = 2

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int, *, add_prefix_space: bool = False
    ) -> Self:
        """Merges of pairs that occur at least twice. Ids as released: <s> <pad> </s> <unk> first, <mask> last.

        Raises ZooError where the vocabulary has no room for the 256 bytes.
        """
        letters = pre_tokenizers.ByteLevel.alphabet()
        names = cls.names
        if vocab_size < len(letters) + len(names):
            least = len(letters) + len(names)
            raise ZooError(f"a vocabulary of {vocab_size} can't hold every byte; give at least {least}")
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - 1,
            min_frequency=2,
            special_tokens=[names.cls, names.pad, names.sep, names.unk],
            initial_alphabet=letters,
            show_progress=False,
        )
        learner = _assemble({}, [], add_prefix_space)
        learner.train_from_iterator(texts, trainer)
        learnt = json.loads(learner.to_str())["model"]
        vocabulary = {**learnt["vocab"], names.mask: len(learnt["vocab"])}
        return cls(_assemble(vocabulary, [(left, right) for left, right in learnt["merges"]], add_prefix_space))

    @classmethod
    def load(  # a family names its own options
        cls, folder: Path, *, add_prefix_space: bool | None = None
    ) -> Self:
        """The tokenizer of a folder: its tokenizer.json, which an option overrules, or vocab.json and merges.txt."""
        path = folder / "vocab.json"
        if (folder / FILE).exists() or not path.exists():
            rust = read_rust(folder, cls.model)
            if add_prefix_space is not None and isinstance(rust.pre_tokenizer, pre_tokenizers.ByteLevel):
                rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
            return cls(rust)
        vocabulary, merges = _read_vocabulary(path), _read_merges(folder / "merges.txt")
        try:
            return cls(_assemble(vocabulary, merges, bool(add_prefix_space)))
        except ZooError as error:
            raise ZooError(f"{path}: {error}") from None
        except Exception as error:  # the Rust library raises nothing more precise
            raise ZooError(f"{folder}: vocab.json and merges.txt don't belong together ({error})") from None

    @staticmethod
    def trimming(rust: tokenizers.Tokenizer) -> list[processors.PostProcessor]:
        """As the released tokenizer has it."""
        return [processors.ByteLevel(add_prefix_space=rust.pre_tokenizer.add_prefix_space, trim_offsets=True)]

    @staticmethod
    def begins_word(piece: str) -> bool:
        """Whether a piece is the first of a word; the first of a text is too, whatever its piece."""
        return piece.startswith(SPACE)


def _assemble(vocabulary: dict[str, int], merges: Merges, add_prefix_space: bool) -> tokenizers.Tokenizer:
    rust = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges)))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    rust.decoder = decoders.ByteLevel()
    return rust


def _read_vocabulary(path: Path) -> dict[str, int]:
    text = "\n".join(line for _, line in read_lines(path))
    try:
        vocabulary = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ZooError(f"{path}: not JSON ({error}); fetch it again") from None
    if not isinstance(vocabulary, dict) or not all(type(index) is int and index >= 0 for index in vocabulary.values()):
        raise ZooError(f"{path}: not a JSON object of piece to id; fetch it again")
    return vocabulary


def _read_merges(path: Path) -> list[tuple[str, str]]:
    merges = []
    for number, line in read_lines(path):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        left, space, right = line.partition(" ")
        if not (left and space and right):
            raise ZooError(f"{path}:{number}: {line!r} is not two pieces with a space between them")
        merges.append((left, right))
    return merges
