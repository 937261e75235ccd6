"""A two-way decision about a pair of segments, as in NSP and SOP."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.pooler import Pooler
from zoo.core.batch import IGNORE, Batch, Output
from zoo.core.interfaces import Objective
from zoo.core.specs import Dims


class PairObjective(Objective):
    """Pool the first token and predict one of two classes; Devlin et al. 2019, section 3.1, task 2.

    A subclass makes pairs in `prepare`, and names the label that it gives them.
    """

    label: ClassVar[str]
    needs_pairs = True
    counts_targets_only = True

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.pooler = Pooler(dims.hidden_width)
        self.classify = nn.Linear(dims.hidden_width, 2)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [B, 2]; labels of IGNORE do not count."""
        logits = self.classify(self.pooler(batch.layout.first(hidden)))
        targets = batch.labels[self.label]
        counted = (targets != IGNORE).sum().clamp(min=1)
        loss = F.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="sum") / counted
        return Output(loss, logits, targets)
