"""Narrow embeddings, widened by a projection."""

from __future__ import annotations

from torch import nn

from zoo import Dims
from zoo.blocks import SummedEmbedding
from zoo.formulas import MOST_ROWS, between


class FactorizedEmbedding(SummedEmbedding):
    """V x E tables and an E x H projection in place of V x H; Lan et al. 2020, section 3.1.

    Position and segment tables and the norm are E wide, as in the released code.
    """

    def __init__(self, dims: Dims, *, n_segments: int = 2) -> None:
        project = nn.Linear(dims.embedding_width, dims.hidden_width)
        super().__init__(dims, n_segments=between("n_segments", n_segments, 1, MOST_ROWS), project=project)
