"""Batches filled up to a shape, by sequences of which nothing is predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from zoo.core.batch import IGNORE, Batch
from zoo.core.layout import Layout

LEAST, STEP = 1_024, 64
"""On a CPU, batches of so many tokens are filled up to multiples of this. In the mean, a batch misses its size by half
a text, so that less than a hundredth is added."""


def in_few_shapes(hidden: Callable[[Batch], Tensor], most: int) -> Callable[[Batch], Tensor]:
    """The same hidden states of a batch [T, H], on a CPU computed with sequences of up to `most` tokens added to it.

    Tensors of batch after batch then have the same sizes, so that each finds the memory of an earlier one. Else what
    the C library holds in pieces that are a little too small grows with the number of texts.
    """

    def computed(batch: Batch) -> Tensor:
        n_tokens = batch.layout.n_tokens
        missing = -n_tokens % STEP
        if not missing or n_tokens < LEAST or batch.ids.device.type != "cpu":
            return hidden(batch)
        return hidden(filled(batch, -(-missing // most), n_tokens + missing, 0))[:n_tokens]

    return computed


def filled(batch: Batch, n_added: int, n_tokens: int, room: int) -> Batch:
    """A batch of the CPU with so many sequences more, of about equal length, that bring it to `n_tokens`; its padded
    rectangles get `room` tokens a sequence.
    """
    layout = batch.layout
    missing = n_tokens - layout.n_tokens
    lengths = tuple(missing // n_added + (place < missing % n_added) for place in range(n_added))
    return replace(
        batch,
        ids=_lengthened(batch.ids, missing, int(batch.ids[0])),
        segments=_lengthened(batch.segments, missing, 0),
        special=_lengthened(batch.special, missing, True),
        targets=_lengthened(batch.targets, missing, IGNORE),
        types=None if batch.types is None else _lengthened(batch.types, missing, 0),
        layout=Layout((*layout.lengths, *lengths), layout.device, layout.causal, room),
        labels=_unlabelled(batch.labels, n_added),
        order=(*batch.order, *range(len(batch.order), len(batch.order) + n_added)),
        items=(*batch.items, *range(max(batch.items) + 1, max(batch.items) + 1 + n_added)) if batch.items else (),
        partners=(*batch.partners, *range(len(batch.order), len(batch.order) + n_added)) if batch.partners else (),
        in_bucket=True,
        n_filling=n_added,
    )


def _unlabelled(labels: Mapping[str, Tensor], n: int) -> dict[str, Tensor]:
    return {name: torch.cat([its, its.new_full((n, *its.shape[1:]), IGNORE)]) for name, its in labels.items()}


def _lengthened(values: Tensor, n: int, value: int) -> Tensor:
    """Made with NumPy, as the tables of a Layout are. [T] -> [T + n]"""
    its = values.numpy()
    return torch.from_numpy(np.concatenate([its, np.full(n, value, its.dtype)]))
