"""BERT's embedding without norm and dropout."""

from __future__ import annotations

from zoo import Dims
from zoo.blocks import SummedEmbedding
from zoo.formulas import MOST_ROWS, between, one_width


class PlainEmbedding(SummedEmbedding):
    """The sum of token, segment and learned absolute position; Zhang et al. 2021, section 15.8.4."""

    def __init__(self, dims: Dims, *, n_segments: int = 2) -> None:
        one_width(dims)
        segments = between("n_segments", n_segments, 1, MOST_ROWS)
        super().__init__(dims.model_copy(update={"dropout": 0.0}), n_segments=segments, norm=False)
