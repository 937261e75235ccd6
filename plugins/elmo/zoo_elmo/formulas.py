"""The sizes and parameters of ELMo's parts."""

from __future__ import annotations

from typing import Literal

from zoo import Dims, ZooError
from zoo.formulas import Component, E, F, L, S, V, between, polynomial

N_CHARACTERS = 262
"""As released: 256 bytes and six marks, three of which are used here."""

SHARES = {1: 32, 2: 32, 3: 64, 4: 128, 5: 256, 6: 512, 7: 1_024}
"""How many of 2,048 filters see so many characters at once."""


def half_of(dims: Dims) -> int:
    """The width of one direction. Raises ZooError if H is odd."""
    if dims.hidden_width % 2:
        raise ZooError(f"dims.hidden_width={dims.hidden_width} is odd; each direction has half of it")
    return dims.hidden_width // 2


def cell_of(dims: Dims) -> int:
    """The width of an LSTM's cell. Raises ZooError if it is not wider than its projection."""
    cell = dims.required("ffn_width")
    if cell <= half_of(dims):
        raise ZooError(
            f"dims.ffn_width={cell} is the width of cells, which are projected to half of dims.hidden_width; "
            f"give more than {half_of(dims)}"
        )
    return cell


def widths_of(filters: int, longest: int) -> dict[int, int]:
    """How many filters there are of each width. Raises ZooError if they cannot be divided as ELMo's are."""
    if filters % 64:
        raise ZooError(f"filters={filters:.12g} should be a multiple of 64, so that they divide as 2,048 do")
    between("longest", longest, 10, 1_000)
    return {width: share * filters // 2_048 for width, share in SHARES.items()}


def characters(
    dims: Dims, *, filters: int = 2_048, character_width: int = 16, n_highway: int = 2, longest: int = 50
) -> list[Component]:
    """A table of characters, convolutions, highway layers and a projection; the token table is not read."""
    half, c = half_of(dims), character_width
    widths = widths_of(filters, longest)
    convolved = sum(2 * c * width * n * (longest - width + 1) for width, n in widths.items())
    return [
        Component("token", V * E, met=0 * V),
        Component("characters", polynomial(N_CHARACTERS * c), met=polynomial(c)),
        Component(
            "convolutions", polynomial(sum(c * width * n + n for width, n in widths.items())), flops=convolved * S
        ),
        Component(
            "highway", polynomial(2 * filters * filters + 2 * filters), n_highway, n_highway, flops=4 * filters**2 * S
        ),
        Component("to a direction", polynomial(filters * half + half), flops=2 * filters * half * S),
    ]


def bilstm(dims: Dims) -> list[Component]:
    """Four gates of an input, an output and one, and a projection, in two directions of L layers."""
    cell_of(dims)
    half = half_of(dims)
    return [Component("lstm", (9 * half + 4) * F, 2 * L, 2 * L, flops=2 * (9 * half + 4) * S * F)]


def bilm(dims: Dims, *, bias: Literal["zero", "unigram"] = "zero") -> list[Component]:
    """A bias for each token, and a projection if the token table has another width than a direction."""
    half = half_of(dims)
    n = 2 * S - 2
    output = Component("LM bias", V, flops=2 * n * E * V, kept=12 * n * V)
    if half == dims.embedding_width:
        return [output]
    return [Component("LM projection", half * E + E, flops=2 * half * n * E, kept=4 * half * n), output]
