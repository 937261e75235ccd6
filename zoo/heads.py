"""Task heads: the same for every variant, so that a comparison compares encoders."""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.batch import Batch, Output
from zoo.blocks import Dropout, Pooler
from zoo.interfaces import Objective
from zoo.specs import Dims, Head

LABEL = "task"
"""The name under which a batch carries the labels of a task."""


class TaskHead(Objective):
    """One vector a sequence, dropout, and a linear layer; Devlin et al. 2019, section 4.1.

    `joint` reads a pair as one text, pooling its first token or the mean of its tokens through the pooler;
    `compare` takes the means u and v of the two texts and reads [u, v, |u - v|, u * v],
    Conneau et al. 2017, arXiv:1705.02364, section 3.1.
    """

    label = LABEL

    def __init__(self, dims: Dims, head: Head, *, pair: bool, n_outputs: int) -> None:
        super().__init__()
        self.head = head
        self.compares = pair and head.pair == "compare"
        self.pooler = None if self.compares else Pooler(dims.hidden_width)
        self.dropout = Dropout(head.dropout)
        self.output = nn.Linear(dims.hidden_width * (4 if self.compares else 1), n_outputs)

    def scores(self, hidden: Tensor, batch: Batch) -> Tensor:
        """[T, H] -> [B, outputs]"""
        out: Tensor = self.output(self.dropout(self._vectors(hidden, batch)))
        return out

    def _vectors(self, hidden: Tensor, batch: Batch) -> Tensor:
        layout = batch.layout
        if self.pooler is None:
            u, v = (layout.mean(hidden, (batch.segments == text) & ~batch.special) for text in (0, 1))
            return torch.cat([u, v, (u - v).abs(), u * v], dim=1)
        pooled: Tensor = self.pooler(layout.first(hidden) if self.head.pooling == "first" else layout.mean(hidden))
        return pooled

    @abstractmethod
    def predict(self, logits: Tensor) -> list[int] | list[float]:
        """The class id or the score of each sequence."""


class Classify(TaskHead):
    """One of C classes, by cross-entropy."""

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [B, C]."""
        logits = self.scores(hidden, batch)
        targets = batch.labels[LABEL]
        return Output(F.cross_entropy(logits.float(), targets), logits, targets)

    def predict(self, logits: Tensor) -> list[int]:
        """[B, C] to class ids."""
        ids: list[int] = logits.argmax(dim=1).tolist()
        return ids


class Regress(TaskHead):
    """A score, by mean squared error."""

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to scores [B]."""
        logits = self.scores(hidden, batch).squeeze(1)
        targets = batch.labels[LABEL]
        return Output(F.mse_loss(logits.float(), targets), logits, targets)

    def predict(self, logits: Tensor) -> list[float]:
        """[B] to scores."""
        scores: list[float] = logits.tolist()
        return scores
