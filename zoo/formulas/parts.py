"""The formulas of zoo.blocks, from which plugins build theirs.

Bytes kept for the backward pass are those of torch for these blocks on a CPU in full precision.
"""

from __future__ import annotations

from zoo.core.errors import ZooError
from zoo.core.specs import Dims
from zoo.formulas.component import MLM_HEAD, OUTPUT_TABLE, POOLER, Component
from zoo.formulas.polynomial import ZERO, D, E, F, H, M, N, P, Polynomial, S, V

MOST_ROWS = 65_536
"""The most rows of a segment table, and of position rows before the first; released models have a handful."""


def between(name: str, value: int, low: int, high: int) -> int:
    """An option's value. Raises ZooError if it is out of range."""
    if not low <= value <= high:
        raise ZooError(f"{name}={value:.12g} should be between {low} and {high}")
    return value


def one_width(dims: Dims) -> int:
    """The width of an embedding without a projection. Raises ZooError if E is not H."""
    if dims.embedding_width != dims.hidden_width:
        raise ZooError(
            f"it needs dims.embedding_width={dims.embedding_width} equal to dims.hidden_width={dims.hidden_width}; "
            "make them equal, or use an embedding that projects, such as +embedding=albert.factorized"
        )
    return dims.hidden_width


def head_width(dims: Dims) -> int:
    """The width of one attention head: its own, or H/N. Raises ZooError if N does not divide H."""
    width, n_heads = dims.hidden_width, dims.required("n_heads")
    if dims.head_width is not None:
        return dims.head_width
    if width % n_heads:
        raise ZooError(f"dims.n_heads={n_heads} does not divide dims.hidden_width={width}; choose a divisor of {width}")
    return width // n_heads


def attention_width(dims: Dims) -> Polynomial:
    """The width of all heads together: H, or N·D if heads have a width D of their own. Raises as `head_width`."""
    head_width(dims)
    return H if dims.head_width is None else N * D


def summed_embedding(dims: Dims, width: Polynomial, *, positions: Polynomial = P, segments: int) -> list[Component]:
    """Tables of tokens, positions and segments of one width, a norm over their sum, and dropout."""
    between("n_segments", segments, 0, MOST_ROWS)
    return [
        Component("token", V * width, met=width, kept=8 * S),
        Component("position", positions * width, met=width, kept=8 * S),
        *([Component("segment", segments * width, met=width, kept=8 * S)] if segments else []),
        Component("norms", 2 * width, kept=4 * S * width + 8 * S + _dropout(dims, S * width)),
    ]


def token_embedding(dims: Dims, *, norm_bias: bool = True) -> list[Component]:
    """One table of width H, a norm with or without bias, and dropout."""
    one_width(dims)
    norm = Component("norms", (2 if norm_bias else 1) * H, kept=4 * S * H + 8 * S + _dropout(dims, S * H))
    return [Component("token", V * H, met=H, kept=8 * S), norm]


def attention_block(dims: Dims, copies: Polynomial | int, runs: Polynomial | int) -> list[Component]:
    """Queries, keys, values and output with biases, and a norm; Vaswani et al. 2017, section 3.2.2.

    In its FLOPs, 8·S·H² are the four products with weights, 4·S²·H the scores and the mixture of values; one H of each
    is the width of all heads.
    """
    width = attention_width(dims)
    # The input, queries, keys, values and their mixture; a sum for each row of scores, or where weights are dropped out
    # a byte for each to tell which.
    kept = 4 * S * H + 16 * S * width + (N * S * S if dims.attention_dropout else 4 * N * S)
    return [
        Component(
            "attention",
            4 * H * width + 3 * width + H,
            copies,
            runs,
            flops=8 * S * H * width + 4 * S * S * width,
            kept=kept,
        ),
        Component("norms", 2 * H, copies, runs, kept=4 * S * H + 8 * S + _dropout(dims, S * H)),
    ]


def feedforward_block(dims: Dims, copies: Polynomial | int, runs: Polynomial | int) -> list[Component]:
    """Up and down with biases, and a norm; Vaswani et al. 2017, section 3.3."""
    dims.required("ffn_width")
    # The backward pass of these two needs their output alone, which the product after them keeps anyway.
    inner = 4 if dims.activation in ("relu", "tanh") else 8
    return [
        Component("ffn", 2 * H * F + F + H, copies, runs, flops=4 * S * H * F, kept=4 * S * H + inner * S * F),
        Component("norms", 2 * H, copies, runs, kept=4 * S * H + 8 * S + _dropout(dims, S * H)),
    ]


def token_prediction(predicted: Polynomial = M, *, bias: bool = True, tied: bool = True) -> list[Component]:
    """A transform to the table's width and a norm, with or without biases, and a bias for each token; the table
    is the embedding's if `tied`, else one more."""
    n = predicted
    # Of the logits also their log-softmax, and the gradients of both: the backward pass begins with all four.
    kept = 4 * n * H + 12 * n * E + 8 * n + 16 * n * V
    head = Component(MLM_HEAD, H * E + (3 if bias else 1) * E + V, flops=2 * n * H * E + 2 * n * E * V, kept=kept)
    return [head, *([] if tied else [Component(OUTPUT_TABLE, V * E)])]


def pooler() -> Component:
    """A dense layer over one vector per sequence; google-research/bert, modeling.py."""
    return Component(POOLER, H * H + H, flops=2 * H * H, kept=8 * H)


def pair_objective(name: str, pair: str = "joint") -> list[Component]:
    """A pooler and two classes, or two classes of what compares both texts."""
    if pair == "compare":
        return [Component(name, 8 * H + 2, flops=16 * H)]
    return [pooler(), Component(name, 2 * H + 2, flops=4 * H)]


def _dropout(dims: Dims, values: Polynomial) -> Polynomial:
    return values if dims.dropout else ZERO
