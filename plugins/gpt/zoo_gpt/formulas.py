"""The parameters of GPT's and GPT-2's parts."""

from __future__ import annotations

from zoo import Dims
from zoo.formulas import (
    OUTPUT_TABLE,
    PROJECTION,
    Component,
    E,
    H,
    L,
    P,
    S,
    V,
    attention_block,
    feedforward_block,
    one_width,
)


def absolute(dims: Dims) -> list[Component]:
    """Tables of tokens and positions."""
    one_width(dims)
    dropped = S * H if dims.dropout else 0 * S
    return [Component("token", V * H, met=H, kept=8 * S), Component("position", P * H, met=H, kept=8 * S + dropped)]


def pre_norm(dims: Dims) -> list[Component]:
    """L layers, each with weights of its own, and a norm."""
    last = Component("norms", 2 * H, kept=4 * S * H + 8 * S)
    return [*attention_block(dims, L, L), *feedforward_block(dims, L, L), last]


def lm(dims: Dims, *, tied: bool = True) -> list[Component]:
    """A product with the token table, or with a table of its own; before it a projection if E is not H."""
    n = S - 1
    kept = 4 * n * E + 8 * n + 12 * n * V
    output = Component(OUTPUT_TABLE, 0 * V if tied else V * E, flops=2 * n * E * V, kept=kept)
    if dims.embedding_width == dims.hidden_width:
        return [output]
    return [Component(PROJECTION, H * E + E, flops=2 * n * H * E, kept=4 * n * H), output]
