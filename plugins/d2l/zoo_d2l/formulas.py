"""The parameters of the textbook's embedding."""

from __future__ import annotations

from zoo import Dims
from zoo.formulas import MOST_ROWS, Component, H, between, one_width, summed_embedding


def absolute(dims: Dims, *, n_segments: int = 2) -> list[Component]:
    """Three tables of width H."""
    one_width(dims)
    return summed_embedding(dims, H, segments=between("n_segments", n_segments, 1, MOST_ROWS))[:-1]
