"""From encodings to a packed batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.core.batch import IGNORE, Batch, Encoding, Ids, Joined, Layout
from zoo.text.runs import runs

Label: TypeAlias = int | float | Sequence[int]
"""A class or score of a sequence; or several numbers: a yes or no for each label, or an answer's two ends."""


def collate(
    encodings: Sequence[Encoding],
    labels: Mapping[str, Sequence[Label]] | None = None,
    targets: Sequence[Ids] | None = None,
    documents: Sequence[int] = (),
    items: Sequence[int] = (),
) -> Batch:
    """Pack sequences end to end, shortest first, so that those of one length are neighbors in the Layout.

    `labels` has a value per sequence, or equally many: ids become a tensor of integers, a name with any float one of
    floats.
    `targets` has an array per sequence, with a value per token; without it, nothing is to be predicted.
    `documents` has the number of the document that each sequence begins in, if it is of any; `items` that of the item
    which it is a part of, if several sequences make up one.
    """
    lengths = np.fromiter((len(encoding.ids) for encoding in encodings), np.int64, len(encodings))
    order = lengths.argsort(kind="stable").tolist()
    packed = [encodings[index] for index in order]
    ids = _tensor([encoding.ids for encoding in packed])
    return Batch(
        ids=ids,
        segments=_tensor([encoding.segments for encoding in packed]),
        special=torch.from_numpy(np.concatenate([encoding.special for encoding in packed])),
        layout=Layout(tuple(lengths[order].tolist())),
        targets=_all(IGNORE, len(ids)) if targets is None else _tensor([targets[index] for index in order]),
        labels={name: torch.tensor([values[index] for index in order]) for name, values in (labels or {}).items()},
        order=tuple(order),
        documents=tuple(documents[index] for index in order) if documents else (),
        items=tuple(items[index] for index in order) if items else (),
        types=_types(packed),
    )


class Sequences:
    """Many sequences, of which batches are made; those that lie end to end without a step of Python for each."""

    def __init__(self, given: Sequence[Encoding] | Joined) -> None:
        self._given = given

    def __len__(self) -> int:
        return len(self._given.lengths if isinstance(self._given, Joined) else self._given)

    def each_length(self) -> Iterator[int]:
        """The tokens of each, which are counted when they are asked for."""
        if isinstance(self._given, Joined):
            return iter(self._given.lengths.tolist())
        return (len(encoding.ids) for encoding in self._given)

    def __getitem__(self, part: slice) -> Sequences:
        """Some that follow each other."""
        its = self._given
        if not isinstance(its, Joined):
            return Sequences(its[part])
        start, stop, _ = part.indices(len(self))
        places = slice(*np.append(self._starts, len(its.ids))[[start, stop]])
        return Sequences(Joined(its.ids[places], its.special[places], its.lengths[part], its.n_cut))

    def followed_by(self, others: Sequences) -> Sequences | None:
        """These and others after them; None if only one of the two lies end to end."""
        if not len(self):
            return others
        one, two = self._given, others._given
        if isinstance(one, Joined) and isinstance(two, Joined):
            ids, special = np.concatenate([one.ids, two.ids]), np.concatenate([one.special, two.special])
            return Sequences(Joined(ids, special, np.concatenate([one.lengths, two.lengths]), one.n_cut + two.n_cut))
        if isinstance(one, Joined) or isinstance(two, Joined):
            return None
        return Sequences([*one, *two])

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The tokens of each. [B]"""
        return np.fromiter(self.each_length(), np.int64, len(self))

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return self.lengths.cumsum() - self.lengths

    def batch(self, indices: Sequence[int] | None = None) -> Batch:
        """All, or those with these indices, as `collate` packs them, with nothing to be predicted."""
        its = self._given
        if not isinstance(its, Joined):
            return collate(its if indices is None else [its[index] for index in indices])
        chosen = np.arange(len(self)) if indices is None else np.asarray(indices)
        order = self.lengths[chosen].argsort(kind="stable")
        lengths = self.lengths[chosen[order]]
        places = runs(self._starts[chosen[order]], lengths)
        ids = torch.from_numpy(its.ids[places].astype(np.int64))
        return Batch(
            ids=ids,
            segments=_all(0, len(ids)),
            special=torch.from_numpy(its.special[places]),
            layout=Layout(tuple(lengths.tolist())),
            targets=_all(IGNORE, len(ids)),
            order=tuple(order.tolist()),
        )


def _all(value: int, n: int) -> Tensor:
    return torch.from_numpy(np.full(n, value))


def _types(packed: Sequence[Encoding]) -> Tensor | None:
    if all(encoding.types is None for encoding in packed):
        return None
    return _tensor([encoding.segments if encoding.types is None else encoding.types for encoding in packed])


def _tensor(parts: Sequence[NDArray[np.int32]]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64))
