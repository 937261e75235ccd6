"""The parameters of BERT's parts, biases and norms included."""

from __future__ import annotations

from zoo import Dims
from zoo.formulas import (
    MOST_ROWS,
    Component,
    H,
    L,
    S,
    attention_block,
    between,
    feedforward_block,
    one_width,
    pair_objective,
    summed_embedding,
    token_prediction,
)


def absolute(dims: Dims, *, n_segments: int = 2) -> list[Component]:
    """Three tables of width H and a norm."""
    one_width(dims)
    return summed_embedding(dims, H, segments=between("n_segments", n_segments, 1, MOST_ROWS))


def stack(dims: Dims) -> list[Component]:
    """L layers, each with weights of its own."""
    return [*attention_block(dims, L, L), *feedforward_block(dims, L, L)]


def mlm(
    dims: Dims, *, bias: str = "zero", tied: bool = True, activation: str | None = None, head_bias: bool = True
) -> list[Component]:
    """The head of masked or next tokens, tied to the token table or with a table of its own."""
    return token_prediction(bias=head_bias, tied=tied)


def ltr(
    dims: Dims, *, bias: str = "zero", tied: bool = True, activation: str | None = None, head_bias: bool = True
) -> list[Component]:
    """The same head, which predicts every token but each sequence's first."""
    return token_prediction(S - 1, bias=head_bias, tied=tied)


def nsp(dims: Dims, *, pair: str = "joint") -> list[Component]:
    """A decision, and what it reads."""
    return pair_objective("NSP head", pair)
