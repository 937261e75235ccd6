"""Byte-level BPE, which several families have; Radford et al. 2019, section 2.2."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from zoo.core.errors import ZooError
from zoo.text.lines import read_lines
from zoo.text.rust_tokenizer import RustTokenizer
from zoo.text.schemes import Document, said_flag, template, vocabulary_in
from zoo.weights.folder import CheckpointFolder

VOCABULARY, MERGES = "vocab.json", "merges.txt"

Merges = Sequence[tuple[str, str]]


class ByteLevelTokenizer(RustTokenizer):
    """Words with the space before them, as bytes, merged pair by pair; nothing is unknown, case is kept.

    With `add_prefix_space` the first word of a text has a space before it too, so that it is the same piece
    as within a sentence. A subclass has names of its own, and may have a normal form of Unicode, and another number of
    separators between two texts.
    """

    normal_form: ClassVar[Literal["NFC", "NFKC"] | None] = None
    n_separators: ClassVar[int] = 1

    @classmethod
    def train(  # a family names its own options
        cls, texts: Iterable[str], vocab_size: int, *, add_prefix_space: bool = False
    ) -> Self:
        """Merges of pairs that occur at least twice. The special tokens come first, but for the mask, which is last.

        Raises ZooError if the vocabulary has no room for the 256 bytes.
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
        learner = byte_level({}, [], add_prefix_space, cls.normal_form)
        learner.train_from_iterator(texts, trainer)
        learned = json.loads(learner.to_str())["model"]
        vocabulary = {**learned["vocab"], names.mask: len(learned["vocab"])}
        merges = [(left, right) for left, right in learned["merges"]]
        rust = byte_level(vocabulary, merges, add_prefix_space, cls.normal_form)
        trimming = {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True, "use_regex": True}
        around = [(name, vocabulary[name]) for name in (names.cls, names.sep)]
        frame = template(*around, n_between=cls.n_separators)
        return cls.trained(rust, {"type": "Sequence", "processors": [trimming, frame]}, mask_takes_space=True)

    @classmethod
    def overruled(cls, document: Document, options: Mapping[str, Any]) -> Document:
        """A tokenizer.json, its splitter changed by options if that is of bytes."""
        splitter = document.get("pre_tokenizer")
        if not isinstance(splitter, dict) or splitter.get("type") != "ByteLevel":
            return document
        return {**document, "pre_tokenizer": {**splitter, **options}}


def byte_level(
    vocabulary: dict[str, int], merges: Merges, add_prefix_space: bool, normal_form: str | None = None
) -> tokenizers.Tokenizer:
    """A tokenizer of the library that splits text into bytes and merges them."""
    rust = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges)))
    if normal_form:
        rust.normalizer = {"NFC": normalizers.NFC, "NFKC": normalizers.NFKC}[normal_form]()
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    rust.decoder = decoders.ByteLevel()
    return rust


def byte_level_document(folder: CheckpointFolder, options: Mapping[str, Any]) -> Document:
    """A folder's pieces and merges, and what the byte-level classes of transformers 5.23 do before and after."""
    add_prefix_space = said_flag(folder, "add_prefix_space", options.get("add_prefix_space"), False)
    document: Document = json.loads(byte_level({}, [], bool(add_prefix_space)).to_str())
    document["pre_tokenizer"]["trim_offsets"] = said_flag(folder, "trim_offsets", None, True)
    return with_pieces(folder, document)


def with_pieces(folder: CheckpointFolder, document: Document) -> Document:
    """A document with the pieces and merges of a folder's tokenizer.json, or of vocab.json and merges.txt."""
    if folder.tokenizer:
        pieces, merges = vocabulary_in(folder), folder.tokenizer["model"].get("merges", [])
    else:
        pieces, merges = folder.tokenizer_json(VOCABULARY, "a JSON object of piece to id"), _read_merges(folder)
    document["model"] |= {"vocab": pieces, "merges": merges}
    return document


def _read_merges(folder: CheckpointFolder) -> list[tuple[str, str]]:
    folder.tokenizer_content(MERGES)
    path, merges = folder.path / MERGES, []
    for number, line in read_lines(path):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        left, space, right = line.partition(" ")
        if not (left and space and right):
            raise ZooError(f"{path}:{number}: {line!r} is not two pieces with a space between them")
        merges.append((left, right))
    return merges
