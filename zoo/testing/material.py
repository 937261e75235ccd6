"""What the checks are made with: odd sizes, a ragged batch, a small language of whole words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from zoo.core.batch import IGNORE, Batch, Encoding, Flags, Ids
from zoo.core.corpus import TokenCorpus
from zoo.core.interfaces import FolderLike, Tokenizer
from zoo.core.specs import Dims
from zoo.text.collate import Label, collate
from zoo.text.tokenizing import tokenize

DIMS = Dims(
    vocab_size=89, embedding_width=20, hidden_width=24, n_layers=3, n_heads=2, ffn_width=44, max_length=32, dropout=0.0
)
"""Pairwise different sizes, so that a swapped axis cannot pass."""

LENGTHS = (7, 3, 11, 3)

SUBJECTS = ("the cook", "a sailor", "the old judge", "some pupils", "a quiet nurse", "the tall hunter")
VERBS = ("praised", "followed", "helped", "watched", "carried")
OBJECTS = ("the boat", "a lamp", "the red book", "some ropes", "a young deer", "the mayor's bell")


def ragged_batch(
    vocab_size: int,
    labels: Mapping[str, Sequence[Label]],
    *,
    lengths: Sequence[int] = LENGTHS,
    n_classes: int | None = None,
    items: Sequence[int] = (),
    pairs: bool = True,
) -> Batch:
    """Sequences of two texts or one, with labels, and at every third token a target: its id, or one of `n_classes`."""
    rng = np.random.default_rng(0)
    encodings, targets = [], []
    for length in lengths:
        ids = rng.integers(5, vocab_size, length).astype(np.int32)
        special = np.zeros(length, dtype=bool)
        special[[0, -1]] = True
        segments = (pairs & (np.arange(length) > length // 2)).astype(np.int32)
        encodings.append(Encoding(ids, segments, special))
        known = ids % (n_classes or vocab_size)
        targets.append(np.where(np.arange(length) % 3 == 1, known, IGNORE).astype(np.int32))
    return collate(encodings, labels, targets, items=items)


def alternating(*names: str) -> dict[str, list[int]]:
    """A label of 0 or 1 in turn, of each name."""
    return {name: [place % 2 for place in range(len(LENGTHS))] for name in names}


def four_deviations(n: int, share: float) -> float:
    """Four standard deviations of a share among n draws."""
    return 4 * math.sqrt(share * (1 - share) / n)


def sentences() -> list[str]:
    return [f"{s} {v} {o}." for s in SUBJECTS for v in VERBS for o in OBJECTS]


class Words(Tokenizer):
    """A tokenizer of whole words, for checks that need ids and nothing else."""

    pad_id, unk_id, cls_id, sep_id, mask_id = range(5)

    def __init__(self) -> None:
        words = sorted({word for sentence in sentences() for word in sentence.split()})
        self._ids = {word: 5 + index for index, word in enumerate(words)}

    @classmethod
    def train(cls, texts: Any, vocab_size: int, *args: Any, **options: Any) -> Words:
        return cls()

    @classmethod
    def load(cls, folder: FolderLike, *args: Any, **options: Any) -> Words:
        return cls()

    def save(self, folder: Path) -> None:
        """Nothing to write: the words are fixed."""

    @property
    def vocab_size(self) -> int:
        return 5 + len(self._ids)

    @property
    def special_ids(self) -> tuple[int, ...]:
        return (0, 1, 2, 3, 4)

    @property
    def word_starts(self) -> Flags:
        return np.ones(self.vocab_size, dtype=bool)

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        return [np.array([self._ids[word] for word in text.split()], dtype=np.int32) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        words = {index: word for word, index in self._ids.items()}
        return " ".join(words[index] for index in ids if index >= 5)

    def n_special(self, pair: bool) -> int:
        return 0

    def join(self, first: Ids, second: Ids | None, max_length: int) -> Encoding:
        ids = np.concatenate([first, [] if second is None else second]).astype(np.int32)[:max_length]
        return Encoding(ids, np.zeros_like(ids), np.zeros(len(ids), dtype=np.bool_))


class Pieces(Tokenizer):
    """A tokenizer of any text into pieces of three letters, whose ids are hashes of them; knows where they are."""

    pad_id, unk_id, cls_id, sep_id, mask_id = range(5)
    vocab_size = DIMS.vocab_size
    special_ids = (0, 1, 2, 3, 4)

    @classmethod
    def train(cls, texts: Any, vocab_size: int, *args: Any, **options: Any) -> Pieces:
        return cls()

    @classmethod
    def load(cls, folder: FolderLike, *args: Any, **options: Any) -> Pieces:
        return cls()

    def save(self, folder: Path) -> None:
        """Nothing to write: there is no vocabulary."""

    @property
    def word_starts(self) -> Flags:
        return np.ones(self.vocab_size, dtype=bool)

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        return [ids for ids, _ in self.encode_with_offsets(texts)]

    def encode_with_offsets(self, texts: Sequence[str]) -> list[tuple[Ids, Ids]]:
        return [self._encoded(text) for text in texts]

    def _encoded(self, text: str) -> tuple[Ids, Ids]:
        spans = [found.span() for found in re.finditer(r"\S{1,3}", text)]
        ids = [5 + crc32(text[start:end].encode()) % (self.vocab_size - 5) for start, end in spans]
        return np.array(ids, dtype=np.int32), np.array(spans, dtype=np.int32).reshape(-1, 2)

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(map(str, ids))

    def n_special(self, pair: bool) -> int:
        return 3 if pair else 2

    def join(self, first: Ids, second: Ids | None, max_length: int) -> Encoding:
        """[CLS] and [SEP] around the texts; the longer one is cut."""
        parts = [first] if second is None else [first, second]
        while sum(map(len, parts)) > max_length - self.n_special(second is not None):
            longest = max(range(len(parts)), key=lambda place: len(parts[place]))
            parts[longest] = parts[longest][:-1]
        pieces = [np.array([self.cls_id]), *(part for text in parts for part in (text, np.array([self.sep_id])))]
        segments = [0] * (len(parts[0]) + 2) + [1] * (len(parts[1]) + 1 if len(parts) > 1 else 0)
        ids = np.concatenate(pieces).astype(np.int32)
        return Encoding(ids, np.array(segments, dtype=np.int32), ids < len(self.special_ids))


def small_corpus() -> TokenCorpus:
    drawn = sentences()
    return tokenize([drawn[start : start + 6] for start in range(0, len(drawn), 6)], Words())


def ragged_corpus() -> TokenCorpus:
    """600 documents of six sentences of one to four clauses, the first of a document being long."""
    rng = np.random.default_rng(2)
    n_clauses = [4 if index % 6 == 0 else int(rng.integers(1, 5)) for index in range(3_600)]
    drawn = [" ".join(rng.choice(sentences(), n)) for n in n_clauses]
    return tokenize([drawn[start : start + 6] for start in range(0, 3_600, 6)], Words())


def assert_all_reached(module: nn.Module, *others: str) -> None:
    """A gradient reaches all parameters, or all but those of these names."""
    unreached = [name for name, p in module.named_parameters() if p.grad is None and name not in others]
    assert not unreached, f"no gradient reaches {', '.join(unreached)}"


def assert_starts_alike(make: Callable[[], nn.Module]) -> None:
    """A part that keeps a start of its own draws it from torch's global generator, which the catalog seeds."""
    states = []
    for _ in range(2):
        torch.manual_seed(0)
        states.append(make().state_dict())
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), f"{name} starts with other values each time, from the same seed"


def assert_survives_safetensors(module: nn.Module) -> None:
    state: dict[str, Tensor] = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    with TemporaryDirectory() as folder:
        save_file(state, Path(folder) / "weights.safetensors")
        restored = load_file(Path(folder) / "weights.safetensors")
    assert set(restored) == set(state), "safetensors keeps other names"
    for name, tensor in state.items():
        assert torch.equal(tensor, restored[name]), f"{name} does not survive safetensors"
