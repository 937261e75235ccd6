"""The parameters of the Transformer's parts."""

from __future__ import annotations

from dataclasses import replace

from zoo import Dims
from zoo.formulas import Component, H, L, S, V, attention_block, attention_width, feedforward_block, one_width


def sinusoidal(dims: Dims) -> list[Component]:
    """A table of tokens; positions have none."""
    one_width(dims)
    return [Component("token", V * H, met=H, kept=8 * S + (S * H if dims.dropout else 0 * S))]


def stack(dims: Dims) -> list[Component]:
    """L layers, each with weights of its own; attention without the four biases."""
    attention, norms = attention_block(dims, L, L)
    return [replace(attention, parameters=4 * H * attention_width(dims)), norms, *feedforward_block(dims, L, L)]
