"""A corpus as flat ids: a sentence or a document is a slice of one array, in memory or on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import Ids

Offsets = NDArray[np.int64]

_CHUNK = 16_000_000


@dataclass(frozen=True, eq=False)
class TokenCorpus:
    """Documents of sentences of ids, end to end, without special tokens.

    `sentence_offsets` counts ids and `document_offsets` counts sentences; both begin with 0 and end with the total.
    `separator` is the id that a packing may put between documents.
    """

    ids: Ids
    sentence_offsets: Offsets
    document_offsets: Offsets
    separator: int

    @property
    def n_tokens(self) -> int:
        """The number of ids."""
        return len(self.ids)

    @property
    def n_documents(self) -> int:
        """The number of documents."""
        return len(self.document_offsets) - 1

    def sentence(self, index: int) -> Ids:
        """The ids of one sentence; indices run through all documents."""
        return self.run(index, index + 1)

    def document(self, index: int) -> Ids:
        """The ids of one document."""
        return self.run(int(self.document_offsets[index]), int(self.document_offsets[index + 1]))

    def run(self, start: int, stop: int) -> Ids:
        """The ids of the sentences from `start` up to, not including, `stop`."""
        return self.ids[self.sentence_offsets[start] : self.sentence_offsets[stop]]

    def counts(self, vocab_size: int) -> NDArray[np.int64]:
        """How often each id occurs. [V]"""
        total = np.zeros(vocab_size, dtype=np.int64)
        for ids in _chunks(self.ids):
            total += np.bincount(ids, minlength=vocab_size)
        return total

    @cached_property
    def document_sizes(self) -> Offsets:
        """How many ids each document has."""
        return np.diff(self.sentence_offsets[self.document_offsets])

    def documents(self, chosen: Sequence[int] | NDArray[np.int64]) -> Self:
        """Some of the documents, or all in a different order, in memory."""
        firsts, lasts = (self.document_offsets[np.asarray(chosen) + step].tolist() for step in (0, 1))
        lengths = [np.diff(self.sentence_offsets[a : b + 1]) for a, b in zip(firsts, lasts, strict=True)]
        return type(self)(
            ids=np.concatenate([self.run(a, b) for a, b in zip(firsts, lasts, strict=True)]),
            sentence_offsets=offsets(np.concatenate(lengths)),
            document_offsets=offsets(np.array([len(some) for some in lengths])),
            separator=self.separator,
        )

    @cached_property
    def content_hash(self) -> str:
        """A SHA-256 over the ids and the offsets of sentences and documents."""
        digest = hashlib.sha256(f"{self.separator}\n".encode())
        for part in (self.ids, self.sentence_offsets, self.document_offsets):
            digest.update(f"{len(part)}\n".encode())
            for chunk in _chunks(part):
                digest.update(chunk.astype("<i8").tobytes())
        return digest.hexdigest()


def _chunks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Stretches of an array that may be larger than memory."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def offsets(lengths: Offsets) -> Offsets:
    """The start of each of some adjacent stretches, given their lengths; last, the end of the final one."""
    return np.concatenate([[0], np.cumsum(lengths)])
