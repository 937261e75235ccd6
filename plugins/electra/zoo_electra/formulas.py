"""The parameters of ELECTRA's parts."""

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
    M,
    S,
    attention_block,
    between,
    feedforward_block,
    in_numbers,
    sizes,
    summed_embedding,
    token_prediction,
)

Start = Literal["zero", "unigram"]
Over = Literal["all", "masked"]
HEAD_WIDTH = 64


def projected(dims: Dims, *, n_segments: int = 2) -> list[Component]:
    """Tables and norm of width E, then a projection to H if E is not H."""
    tables = summed_embedding(dims, E, segments=between("n_segments", n_segments, 1, MOST_ROWS))
    return tables if dims.embedding_width == dims.hidden_width else [*tables, _projection()]


def mlm(dims: Dims, *, bias: Start = "zero", tied: bool = True) -> list[Component]:
    """The head of masked tokens, tied to the token table or with a table of its own."""
    return token_prediction(tied=tied)


def original(dims: Dims, *, over: Over = "masked", bias: Start = "zero") -> list[Component]:
    """The head of masked tokens; over all tokens also a gate, and a prediction for each."""
    if over == "masked":
        return token_prediction()
    return [*token_prediction(S), Component("copy gate", H + 1, flops=2 * S * H, kept=8 * S)]


def rtd(dims: Dims, *, over: Over = "all") -> list[Component]:
    """A dense layer and a decision for each token, or each masked one."""
    n = S if over == "all" else M
    return [Component("RTD head", H * H + H + H + 1, flops=2 * n * H * H + 2 * n * H, kept=16 * n * H + 12 * n)]


def generator(
    dims: Dims, *, size: float = 0.25, depth: float = 1.0, shared: bool = True, bias: Start = "zero"
) -> list[Component]:
    """A small encoder and its head, with a projection where its width is not E, and tables of its own if not shared."""
    small = generator_dims(dims, size, depth)
    layers = [*attention_block(small, L, L), *feedforward_block(small, L, L)]
    narrow = [_projection()] if small.embedding_width != small.hidden_width else []
    tables = [] if shared else summed_embedding(dims, E, segments=2)
    return [*tables, *(in_numbers(c, "generator's", sizes(small)) for c in (*narrow, *layers, *token_prediction()))]


def generator_dims(dims: Dims, size: float, depth: float) -> Dims:
    """The sizes of a generator; google-research/electra, run_pretraining.py, get_generator_config."""
    for name, value in (("size", size), ("depth", depth)):
        if not 0 < value <= 4:
            raise ZooError(f"{name}={value:.12g} should be above 0, and at most 4")
    width = max(1, round(dims.hidden_width * size))
    n_heads = max(1, width // HEAD_WIDTH)
    if width % n_heads:
        raise ZooError(f"size={size:.12g} makes a generator of width {width}, which its {n_heads} heads do not divide")
    return dims.model_copy(
        update={
            "hidden_width": width,
            "ffn_width": 4 * width,
            "n_heads": n_heads,
            "head_width": None,
            "n_layers": max(1, round(dims.n_layers * depth)),
        }
    )


def _projection() -> Component:
    return Component(PROJECTION, E * H + H, flops=2 * S * E * H, kept=4 * S * E)
