"""The parameters of RoBERTa's embedding."""

from __future__ import annotations

from zoo import Dims
from zoo.formulas import MOST_ROWS, Component, H, P, between, one_width, summed_embedding


def absolute(dims: Dims, *, padding_index: int = 1, n_segments: int = 1) -> list[Component]:
    """As many more positions as the padding index takes; one row in place of segments."""
    one_width(dims)
    offset = between("padding_index", padding_index, 0, MOST_ROWS) + 1
    return summed_embedding(dims, H, positions=P + offset, segments=between("n_segments", n_segments, 1, MOST_ROWS))
