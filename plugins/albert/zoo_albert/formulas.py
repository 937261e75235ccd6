"""The parameters of ALBERT's parts."""

from __future__ import annotations

from typing import Literal

from zoo import Dims, ZooError
from zoo.formulas import (
    MOST_ROWS,
    PROJECTION,
    Component,
    E,
    H,
    L,
    S,
    attention_block,
    between,
    feedforward_block,
    pair_objective,
    summed_embedding,
)

MOST_INNER_LAYERS = 64


def factorized(dims: Dims, *, n_segments: int = 2) -> list[Component]:
    """Tables and norm of width E, then a projection to H."""
    projection = Component(PROJECTION, E * H + H, flops=2 * S * E * H, kept=4 * S * E)
    return [*summed_embedding(dims, E, segments=between("n_segments", n_segments, 1, MOST_ROWS)), projection]


def shared(
    dims: Dims,
    *,
    share: Literal["all", "attention", "ffn", "none"] = "all",
    n_groups: int = 1,
    inner_layers: int = 1,
) -> list[Component]:
    """As many copies as there are groups of what is shared, and as many as there are layers of what is not."""
    check_groups(dims, n_groups, inner_layers)
    attentions = n_groups if share in ("all", "attention") else L
    feedforwards = n_groups if share in ("all", "ffn") else L
    runs = L * inner_layers
    return [
        *attention_block(dims, attentions * inner_layers, runs),
        *feedforward_block(dims, feedforwards * inner_layers, runs),
    ]


def sop(dims: Dims, *, fallback: bool = False, pair: str = "joint") -> list[Component]:
    """A pooler and a decision."""
    return pair_objective("SOP head", pair)


def check_groups(dims: Dims, n_groups: int, inner_layers: int) -> None:
    """Raise ZooError where layers cannot be grouped so."""
    if not 1 <= n_groups <= dims.n_layers:
        raise ZooError(f"n_groups={n_groups:.12g} should be between 1 and dims.n_layers={dims.n_layers}")
    between("inner_layers", inner_layers, 1, MOST_INNER_LAYERS)
