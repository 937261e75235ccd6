"""A two-way decision about a pair of segments, as in NSP and SOP."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.pooler import Pooler
from zoo.core.batch import IGNORE, Batch, Output
from zoo.core.interfaces import Objective
from zoo.core.specs import Dims


def compared(hidden: Tensor, batch: Batch) -> Tensor:
    """The means u and v of the two texts of each pair as [u, v, |u - v|, u * v]; special tokens do not count.

    [T, H] -> [B, 4H]. Conneau et al. 2017, arXiv:1705.02364, section 3.1.
    """
    u, v = (batch.layout.mean(hidden, (batch.segments == text) & ~batch.special) for text in (0, 1))
    return torch.cat([u, v, (u - v).abs(), u * v], dim=1)


class PairObjective(Objective):
    """Predict one of two classes of a pair; Devlin et al. 2019, section 3.1, task 2.

    With pair="joint", as in the papers, the pooled first token is read; with "compare", the means of both segments, as
    task heads of the same name read them. A subclass makes pairs in `prepare`, and names the label that it gives them.
    """

    label: ClassVar[str]
    needs_pairs = True
    counts_targets_only = True

    def __init__(self, dims: Dims, *, pair: Literal["joint", "compare"] = "joint") -> None:
        super().__init__()
        self.pooler = Pooler(dims.hidden_width) if pair == "joint" else None
        self.classify = nn.Linear(dims.hidden_width * (1 if pair == "joint" else 4), 2)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [B, 2]; labels of IGNORE do not count."""
        vectors = compared(hidden, batch) if self.pooler is None else self.pooler(batch.layout.first(hidden))
        logits = self.classify(vectors)
        targets = batch.labels[self.label]
        counted = (targets != IGNORE).sum().clamp(min=1)
        loss = F.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="sum") / counted
        return Output(loss, logits, targets)
