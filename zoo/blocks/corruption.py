"""Tokens drawn from predictions, put in the place of those predicted."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from zoo.core.batch import Batch


def corrupted(batch: Batch, logits: Tensor) -> Batch:
    """The batch with a token drawn from each prediction [M, V], by one random number of the batch's own for each."""
    places = batch.predicted("tokens", lambda batch: batch.targets, batch.targets).places
    below = logits.float().softmax(1).cumsum(1)
    drawn = batch.uniform("replacements")[places, None] * below[:, -1:]
    tokens = torch.searchsorted(below, drawn, right=True).squeeze(1).clamp(max=logits.shape[1] - 1)
    return replace(batch, ids=batch.ids.index_copy(0, places, tokens))
