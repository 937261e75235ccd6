"""BERT's embedding, widened by a projection where it is narrower than the layers."""

from __future__ import annotations

from torch import nn

from zoo import Dims
from zoo.blocks import SummedEmbedding
from zoo.formulas import MOST_ROWS, between


class ProjectedEmbedding(SummedEmbedding):
    """Tables of width E, and a projection to H if E is not H; google-research/electra, model/modeling.py."""

    def __init__(self, dims: Dims, *, n_segments: int = 2) -> None:
        narrow = dims.embedding_width != dims.hidden_width
        project = nn.Linear(dims.embedding_width, dims.hidden_width) if narrow else None
        super().__init__(dims, n_segments=between("n_segments", n_segments, 1, MOST_ROWS), project=project)
