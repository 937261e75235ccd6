"""Batches filled up to a shape, by sequences of which nothing is predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.core.batch import IGNORE, Batch
from zoo.core.layout import Layout


def filled(batch: Batch, n_added: int, n_tokens: int, room: int) -> Batch:
    """A batch of the CPU with so many sequences more, of about equal length, that bring it to `n_tokens`; its padded
    rectangles get `room` tokens a sequence.
    """
    layout = batch.layout
    missing = n_tokens - layout.n_tokens
    lengths = tuple(missing // n_added + (place < missing % n_added) for place in range(n_added))
    return replace(
        batch,
        ids=F.pad(batch.ids, (0, missing), value=int(batch.ids[0])),
        segments=F.pad(batch.segments, (0, missing)),
        special=F.pad(batch.special, (0, missing), value=True),
        targets=F.pad(batch.targets, (0, missing), value=IGNORE),
        types=None if batch.types is None else F.pad(batch.types, (0, missing)),
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
