"""The parameters of DistilBERT's parts."""

from __future__ import annotations

from zoo import Dims
from zoo.formulas import Component, H, L, attention_block, feedforward_block, one_width, summed_embedding


def absolute(dims: Dims) -> list[Component]:
    """Tables of tokens and positions, and a norm."""
    one_width(dims)
    return summed_embedding(dims, H, segments=0)


def stack(dims: Dims) -> list[Component]:
    """L layers, each with weights of its own."""
    attention = dims.model_copy(update={"dropout": 0.0})
    return [*attention_block(attention, L, L), *feedforward_block(dims, L, L)]
