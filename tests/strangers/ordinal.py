"""A kind of task that no built-in one resembles: ordered classes, told apart by thresholds; and a metric of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo import EncodedItem, Metric, TaskHead, of_counts
from zoo.tasks.kinds.classification import Classification


class Thresholds(TaskHead):
    """Whether the class is above each threshold, by binary cross-entropy: logits [B, C - 1], targets [B]."""

    def n_outputs(self, labels: Sequence[str]) -> int:
        return len(labels) - 1

    @staticmethod
    def loss(logits: Tensor, targets: Tensor, reduction: str) -> Tensor:
        above = torch.arange(logits.shape[1], device=targets.device) < targets[:, None]
        return F.binary_cross_entropy_with_logits(logits, above.to(logits.dtype), reduction=reduction)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        return (logits > 0).sum(dim=1) == targets


class Ordinal(Classification):
    """A label is the place of a class in their order."""

    head = "tests.strangers.ordinal:Thresholds"
    columns = ("prediction",)

    def decode(self, item: EncodedItem, logits: Tensor) -> int:
        """[C - 1] to how many thresholds are passed."""
        return int((logits > 0).sum())

    def probabilities(self, item: EncodedItem, logits: Tensor) -> None:
        """None: its logits are no classes'."""

    def rows(self, example: Any, item: EncodedItem, logits: Tensor) -> Any:
        yield (self.shown(self.decode(item, logits)),)


DISTANCE = of_counts(
    "stranger.distance",
    "stranger.ordinal",
    lambda gold, made: np.stack([abs(gold - made), np.ones(len(gold))], axis=1),
    lambda counts: counts[..., 0] / counts[..., 1],
    higher_is_better=False,
    range=(0.0, float("inf")),
)

EXACT = Metric("stranger.exact", "stranger.ordinal", lambda gold, made: float((gold == made).mean()))
"""Without a form for many draws at once."""
