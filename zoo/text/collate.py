"""From encodings to a packed batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.core.batch import IGNORE, Batch, Encoding, Ids, Layout

Label: TypeAlias = int | float | Sequence[int]
"""A class or score of a sequence; or several numbers: a yes or no for each label, or an answer's two ends."""


def collate(
    encodings: Sequence[Encoding],
    labels: Mapping[str, Sequence[Label]] | None = None,
    targets: Sequence[Ids] | None = None,
    documents: Sequence[int] = (),
    items: Sequence[int] = (),
) -> Batch:
    """Pack sequences end to end, shortest first, so that those of one length are neighbours in the Layout.

    `labels` has a value per sequence, or equally many: ids become a tensor of integers, a name with any float one of
    floats.
    `targets` has an array per sequence, with a value per token; without it, nothing is to be predicted.
    `documents` has the number of the document that each sequence begins in, if it is of any; `items` that of the item
    which it is a part of, if several sequences make up one.
    """
    lengths = np.array([len(encoding) for encoding in encodings])
    order = np.argsort(lengths, kind="stable").tolist()
    packed = [encodings[index] for index in order]
    ids = _tensor([encoding.ids for encoding in packed])
    return Batch(
        ids=ids,
        segments=_tensor([encoding.segments for encoding in packed]),
        special=torch.from_numpy(np.concatenate([encoding.special for encoding in packed])),
        layout=Layout(tuple(lengths[order].tolist())),
        targets=torch.full_like(ids, IGNORE) if targets is None else _tensor([targets[index] for index in order]),
        labels={name: torch.tensor([values[index] for index in order]) for name, values in (labels or {}).items()},
        order=tuple(order),
        documents=tuple(documents[index] for index in order) if documents else (),
        items=tuple(items[index] for index in order) if items else (),
        types=_types(packed),
    )


class Sequences:
    """Many sequences end to end, of which batches are gathered without a step of Python for each."""

    def __init__(self, encodings: Sequence[Encoding]) -> None:
        self.lengths = np.fromiter(map(len, encodings), np.int64, len(encodings))
        self.n_tokens = int(self.lengths.sum())
        self._starts = self.lengths.cumsum() - self.lengths
        self._ids = _tensor([encoding.ids for encoding in encodings])
        self._segments = _tensor([encoding.segments for encoding in encodings])
        self._special = torch.from_numpy(np.concatenate([encoding.special for encoding in encodings]))
        self._types = _types(encodings)

    def batch(self, indices: Sequence[int]) -> Batch:
        """Those with these indices as `collate` packs them, with nothing to be predicted."""
        chosen = np.asarray(indices)
        order = self.lengths[chosen].argsort(kind="stable")
        lengths = self.lengths[chosen[order]]
        offsets = self._starts[chosen[order]] - (lengths.cumsum() - lengths)
        places = torch.from_numpy(np.repeat(offsets, lengths) + np.arange(lengths.sum()))
        ids = self._ids[places]
        return Batch(
            ids=ids,
            segments=self._segments[places],
            special=self._special[places],
            layout=Layout(tuple(lengths.tolist())),
            targets=torch.full_like(ids, IGNORE),
            order=tuple(order.tolist()),
            types=None if self._types is None else self._types[places],
        )


def _types(packed: Sequence[Encoding]) -> Tensor | None:
    if all(encoding.types is None for encoding in packed):
        return None
    return _tensor([encoding.segments if encoding.types is None else encoding.types for encoding in packed])


def _tensor(parts: Sequence[NDArray[np.int32]]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64))
