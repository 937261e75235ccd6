"""The parameters of DeBERTa's parts."""

from __future__ import annotations

from typing import Literal

from zoo import Dims, ZooError
from zoo.formulas import (
    PROJECTION,
    Component,
    E,
    H,
    L,
    N,
    P,
    S,
    V,
    attention_block,
    attention_width,
    between,
    feedforward_block,
    in_numbers,
    sizes,
    token_embedding,
    token_prediction,
)

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
    width = attention_width(dims)
    scores = n_terms * (4 * S * S * width - 2 * S * width)  # of each token with 2S - 1 distances
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


def gradient_disentangled(dims: Dims) -> list[Component]:
    """The table of tokens, the table of differences, and a norm."""
    return [*token_embedding(dims), Component("difference", V * H, met=H, kept=8 * S)]


def emd(dims: Dims, *, bias: Literal["zero", "unigram"] = "zero") -> list[Component]:
    """A table of absolute positions, one layer that is applied twice, and the head of masked tokens."""
    positions = Component("position", P * H, met=H)
    parts = (positions, *attention_block(dims, 1, 2), *feedforward_block(dims, 1, 2))
    return [*(in_numbers(component, "decoder's", sizes(dims)) for component in parts), *token_prediction()]


def generator(
    dims: Dims, *, depth: float = 0.5, buckets: int | None = 256, bias: Literal["zero", "unigram"] = "zero"
) -> list[Component]:
    """A norm, an encoder of fewer layers, and its head."""
    small = generator_dims(dims, depth)
    before = [Component("norm", 2 * E, kept=4 * S * E + 8 * S)]
    if dims.embedding_width != dims.hidden_width:
        before.append(Component(PROJECTION, E * H + H, flops=2 * S * E * H, kept=4 * S * E))
    parts = [*before, *disentangled(small, buckets=buckets), *token_prediction()]
    return [in_numbers(component, "generator's", sizes(small)) for component in parts]


def rtd(dims: Dims) -> list[Component]:
    """A norm, a dense layer and a decision for each token."""
    return [Component("RTD head", H * H + H + H + 1 + 2 * H, flops=2 * S * H * H + 2 * S * H, kept=24 * S * H + 20 * S)]


def generator_dims(dims: Dims, depth: float) -> Dims:
    """The sizes of a generator. Raises ZooError for a depth that cannot be."""
    if not 0 < depth <= 4:
        raise ZooError(f"depth={depth:.12g} should be above 0, and at most 4")
    return dims.model_copy(update={"n_layers": max(1, round(dims.n_layers * depth))})


def check_options(buckets: int | None, max_distance: int | None, conv_kernel: int) -> None:
    """Raise ZooError for options that cannot be."""
    if buckets is not None:
        between("buckets", buckets, 4, MOST_DISTANCE)
    if max_distance is not None:
        between("max_distance", max_distance, 2, MOST_DISTANCE)
    between("conv_kernel", conv_kernel, 0, MOST_KERNEL)
    if conv_kernel and conv_kernel % 2 == 0:
        raise ZooError(f"conv_kernel={conv_kernel} should be odd, so that as many tokens are read on either side")
