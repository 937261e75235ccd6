"""The parameters of ModernBERT's parts: no biases, three matrices of feed-forward."""

from __future__ import annotations

from zoo import Dims
from zoo.formulas import Component, F, H, L, N, S, attention_width, between

MOST = 1_048_576


def alternating(
    dims: Dims,
    *,
    window: int = 64,
    global_every: int = 3,
    local_base: float = 10_000.0,
    global_base: float = 160_000.0,
) -> list[Component]:
    """L layers; the first has no norm before attention, and a norm follows the last.

    FLOPs are those of full attention in every layer: within 128 tokens a window saves little, and CPUs skip nothing.
    """
    width = attention_width(dims)
    dims.required("ffn_width")
    check_options(window, global_every)
    dropped = S * H if dims.dropout else 0
    kept = 4 * S * H + 16 * S * width + (N * S * S if dims.attention_dropout else 4 * N * S)
    return [
        Component("attention", 4 * H * width, L, L, flops=8 * S * H * width + 4 * S * S * width, kept=kept + dropped),
        Component("ffn", 3 * H * F, L, L, flops=6 * S * H * F, kept=4 * S * H + 16 * S * F + dropped),
        Component("norms", H, 2 * L - 1, 2 * L - 1, kept=4 * S * H + 8 * S),
        Component("final norm", H, kept=4 * S * H + 8 * S),
    ]


def check_options(window: int, global_every: int) -> None:
    """Raise ZooError for a window or an interval of layers that cannot be."""
    between("window", window, 1, MOST)
    between("global_every", global_every, 1, MOST)
