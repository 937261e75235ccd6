"""Token, segment and position embeddings of one width."""

from __future__ import annotations

from zoo import Dims
from zoo.blocks import SummedEmbedding
from zoo.formulas import MOST_ROWS, between, one_width


class AbsoluteEmbedding(SummedEmbedding):
    """The sum of token, segment and learned absolute position, then norm and dropout; Devlin et al. 2019, s. 3."""

    def __init__(self, dims: Dims, *, n_segments: int = 2) -> None:
        one_width(dims)
        super().__init__(dims, n_segments=between("n_segments", n_segments, 1, MOST_ROWS))
