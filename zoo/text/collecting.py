"""Results of batches put into the order of their sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from zoo.core.batch import Batch, Encoding
from zoo.text.collate import Sequences
from zoo.text.device_batches import Mapped

T = TypeVar("T")


class Rows:
    """A row for each of `n` sequences, of some after others. [n, P]"""

    def __init__(self, n: int) -> None:
        self.made, self._n, self._filled = torch.empty(0, 0), n, 0

    def put(self, some: Sequences, results: Mapped) -> None:
        """The rows of the next sequences."""
        for indices, _, found in results:
            if len(self.made) < self._n:
                self.made = found.new_empty(self._n, found.shape[1])
            self.made.index_copy_(0, torch.from_numpy(np.array(indices) + self._filled), found)
        self._filled += len(some)


def rows(some: Sequences, results: Mapped) -> list[Tensor]:
    """A row for each sequence. [P]"""
    its = Rows(len(some))
    its.put(some, results)
    return list(its.made)


def values(divide: Callable[[Tensor, Batch], Iterable[T]], some: Sequences, results: Mapped) -> list[T]:
    """A value for each sequence; `divide` gets the results of a batch, and the batch."""
    found: dict[int, T] = {}
    for indices, batch, its in results:
        found |= zip(indices, divide(its, batch), strict=True)
    return [found[index] for index in range(len(some))]


def as_sequences(given: Sequence[Encoding] | Sequences) -> Sequences:
    """What is given one by one, or end to end."""
    return given if isinstance(given, Sequences) else Sequences(given)


def within(context: Callable[[], AbstractContextManager[Any]], items: Iterator[T]) -> Iterator[T]:
    """The same items, each made inside a context, which is left before it is given."""
    while True:
        with context():
            try:
                item = next(items)
            except StopIteration:
                return
        yield item
