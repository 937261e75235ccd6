"""Sequences of a batch that are mixed in pairs; Zhang et al. 2018, arXiv:1710.09412."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.core.batch import IGNORE, MIX, Batch


def mixed(values: Tensor, batch: Batch) -> Tensor:
    """Each sequence's share of its own values, and the rest of its partner's. [B, ...] -> [B, ...]"""
    return _shared(values, values[_partners(batch)], batch)


def mixed_loss(loss: Callable[[Tensor, Tensor, str], Tensor], logits: Tensor, targets: Tensor, batch: Batch) -> Tensor:
    """The sum of the losses of mixed logits against each sequence's own targets and its partner's, by their shares."""
    own, theirs = (loss(logits, its, "none") for its in (targets, targets[_partners(batch)]))
    return _shared(own, theirs, batch).masked_fill(targets == IGNORE, 0.0).sum()


def _shared(own: Tensor, theirs: Tensor, batch: Batch) -> Tensor:
    share = batch.labels[MIX].to(own.dtype).view(-1, *[1] * (own.ndim - 1))
    return share * own + (1 - share) * theirs


def _partners(batch: Batch) -> Tensor:
    """The row of each sequence's partner. [B]"""
    return batch.on_device("partners", _rows, batch.ids)


def _rows(batch: Batch) -> Tensor:
    rows = {place: row for row, place in enumerate(batch.order)}
    return torch.tensor([rows[place] for place in batch.partners], device=batch.ids.device)
