"""The parameters of DeBERTa's parts."""

from __future__ import annotations

from typing import Literal

from zoo import Dims, ZooError
from zoo.formulas import Component, H, L, N, S, attention_block, between, feedforward_block

MOST_DISTANCE = 1_048_576
MOST_KERNEL = 255


def disentangled(
    dims: Dims,
    *,
    buckets: int | None = 256,
    max_distance: int | None = None,
    terms: Literal["both", "c2p", "p2c"] = "both",
    conv_kernel: int = 0,
    conv_activation: str = "tanh",
) -> list[Component]:
    """L layers, a table of relative positions with a norm, and the convolution where there is one.

    FLOPs leave out the projection of positions, which a batch of any size needs once.
    """
    check_options(buckets, max_distance, conv_kernel)
    n_rows, n_terms = 2 * (buckets or max_distance or dims.max_length), 2 if terms == "both" else 1
    scores = n_terms * (4 * S * S * H - 2 * S * H)  # of each token with 2S - 1 distances
    found = [
        Component("relative position", n_rows * H, met=H, flops=L * scores, kept=L * (n_terms * 8 + 4) * N * S * S),
        Component("relative norm", 2 * H),
        *attention_block(dims, L, L),
        *feedforward_block(dims, L, L),
    ]
    if conv_kernel:
        weights = conv_kernel * H * H
        found.append(Component("convolution", weights + 3 * H, flops=2 * S * weights, kept=12 * S * H + 8 * S))
    return found


def check_options(buckets: int | None, max_distance: int | None, conv_kernel: int) -> None:
    """Raise ZooError for options that cannot be."""
    if buckets is not None:
        between("buckets", buckets, 4, MOST_DISTANCE)
    if max_distance is not None:
        between("max_distance", max_distance, 2, MOST_DISTANCE)
    between("conv_kernel", conv_kernel, 0, MOST_KERNEL)
    if conv_kernel and conv_kernel % 2 == 0:
        raise ZooError(f"conv_kernel={conv_kernel} should be odd, so that as many tokens are read on either side")
