"""A pooler without a head."""

from __future__ import annotations

from torch import Tensor

from zoo.blocks import Pooler
from zoo.core.batch import IGNORE, Batch, Output
from zoo.core.interfaces import Objective
from zoo.core.specs import Dims


class Pool(Objective):
    """The pooled first token, for a checkpoint with a pooler and no head; with nothing to learn, its loss is zero."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.pooler = Pooler(dims.hidden_width)

    def n_targets(self, batch: Batch) -> Tensor:
        """None. Scalar."""
        return batch.targets.new_zeros(())

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to pooled [B, H]; no target counts."""
        pooled = self.pooler(batch.layout.first(hidden))
        return Output((pooled * 0).sum(), pooled, batch.targets.new_full((len(pooled),), IGNORE))
