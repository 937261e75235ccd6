"""The parameters of RoBERTa's embedding."""

from __future__ import annotations

from zoo import Dims
from zoo.formulas import Component, H, P, one_width, summed_embedding


def absolute(dims: Dims, *, padding_index: int = 1) -> list[Component]:
    """As many more positions as the padding index takes; one row in place of segments."""
    one_width(dims)
    return summed_embedding(dims, H, positions=P + (padding_index + 1), segments=1)
