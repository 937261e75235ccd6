"""The components of a part, and published counts of whole models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from zoo.core.specs import Dims, Record
from zoo.formulas.polynomial import ZERO, Polynomial, polynomial

POOLER = "pooler"
PROJECTION = "projection"
MLM_HEAD = "MLM head"
OUTPUT_TABLE = "output table"
"""Components that definitions of counts and causes of differences refer to by name."""

FIGURE = r"[0-9]{1,9}(\.[0-9]{1,3})?[KMB]"
"""How a parameter count is printed."""


@dataclass(frozen=True)
class Component:
    """Parameters with one purpose, such as `token`, `attention` or `norms`, and the cost of using them.

    `parameters` are those of one copy, of which `copies` are stored; a token meets `met` of them (all, if None; of a
    table, one row) in each of `runs` uses. `flops` are a run's forward multiplications and additions in matrix
    products, over one sequence of S tokens; `kept` are the bytes that a run keeps for the backward pass.
    """

    name: str
    parameters: Polynomial
    copies: Polynomial | int = 1
    runs: Polynomial | int = 1
    met: Polynomial | None = None
    flops: Polynomial = ZERO
    kept: Polynomial = ZERO

    @property
    def stored(self) -> Polynomial:
        """All copies."""
        return self.parameters * self.copies

    def n_stored(self, sizes: Mapping[str, int]) -> int:
        """All copies, in numbers, which takes no product of polynomials. Raises ZooError if a size is missing."""
        return self.parameters(sizes) * polynomial(self.copies)(sizes)

    @property
    def executed(self) -> Polynomial:
        """What a token uses, over all runs."""
        return polynomial(self.met if self.met is not None else self.parameters) * self.runs

    @property
    def unshared(self) -> Polynomial:
        """The parameters if every run had its own copy."""
        return self.parameters * self.runs


def in_numbers(component: Component, owner: str, values: Mapping[str, int]) -> Component:
    """A component of a part with widths, layers or heads of its own, in numbers; `owner` comes before its name."""

    def own(value: Polynomial | int) -> Polynomial:
        for symbol in "HFLN":
            value = polynomial(value).replaced(symbol, polynomial(values[symbol]))
        return polynomial(value)

    return replace(
        component,
        name=f"{owner} {component.name}",
        parameters=own(component.parameters),
        copies=own(component.copies),
        runs=own(component.runs),
        flops=own(component.flops),
        kept=own(component.kept),
    )


class Published(Record):
    """A parameter count as a paper or a model card prints it, such as 110M, of a variant or expression."""

    variant: str
    figure: Annotated[str, Field(pattern=f"^{FIGURE}$")]
    source: str

    @property
    def name(self) -> str:
        """Figure, variant and source; unique."""
        return f"{self.figure} for {self.variant} in {self.source}"


def sizes(dims: Dims) -> dict[str, int]:
    """The value of each symbol of the legend that the dims have."""
    found = {
        "V": dims.vocab_size,
        "E": dims.embedding_width,
        "H": dims.hidden_width,
        "F": dims.ffn_width,
        "L": dims.n_layers,
        "P": dims.max_length,
        "N": dims.n_heads,
        "D": dims.head_width,
    }
    return {symbol: size for symbol, size in found.items() if size is not None}
