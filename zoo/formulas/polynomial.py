"""Sums of products of dimensions, which can be printed and evaluated: V·E + E·H + 2·E."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from zoo.core.errors import ZooError

ORDER = "LVPMSNDEHF"
"""The order of symbols in a printed product."""

_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Polynomial:
    """Integer coefficients by product of symbols; HHV stands for H²·V, the empty product for 1."""

    terms: Mapping[str, int]

    def __add__(self, other: Polynomial | int) -> Polynomial:
        total = dict(self.terms)
        for product, coefficient in polynomial(other).terms.items():
            total[product] = total.get(product, 0) + coefficient
        return Polynomial({product: coefficient for product, coefficient in total.items() if coefficient})

    def __mul__(self, other: Polynomial | int) -> Polynomial:
        total: dict[str, int] = {}
        for left, a in self.terms.items():
            for right, b in polynomial(other).terms.items():
                product = "".join(sorted(left + right, key=ORDER.index)) if left and right else left or right
                total[product] = total.get(product, 0) + a * b
        return Polynomial({product: coefficient for product, coefficient in total.items() if coefficient})

    def __sub__(self, other: Polynomial | int) -> Polynomial:
        return self + polynomial(other) * -1

    __radd__ = __add__
    __rmul__ = __mul__

    def __call__(self, sizes: Mapping[str, int]) -> int:
        """The value for given sizes of the symbols. Raises ZooError if one is missing."""
        total = 0
        for product, coefficient in self.terms.items():
            for symbol in product:
                if symbol not in sizes:
                    raise ZooError(f"the formula {self} has {symbol}, a size that the variant's dims leave out")
                coefficient *= sizes[symbol]
            total += coefficient
        return total

    def replaced(self, old: str, new: Polynomial) -> Polynomial:
        """The same with a symbol replaced."""
        total = ZERO
        for product, coefficient in self.terms.items():
            term = Polynomial({product.replace(old, ""): coefficient})
            for _ in range(product.count(old)):
                term = term * new
            total = total + term
        return total

    def __str__(self) -> str:
        return " + ".join(map(_term, self.terms.items())).replace("+ -", "- ") or "0"


def polynomial(value: Polynomial | int) -> Polynomial:
    """A number as a polynomial."""
    return value if isinstance(value, Polynomial) else Polynomial({"": value} if value else {})


def _term(term: tuple[str, int]) -> str:
    product, coefficient = term
    powers = [(symbol, len(list(run))) for symbol, run in groupby(product)]
    factors = [symbol + (str(n).translate(_POWERS) if n > 1 else "") for symbol, n in powers]
    if coefficient != 1 or not factors:
        factors.insert(0, str(coefficient))
    return "·".join(factors)


ZERO = Polynomial({})
L, V, P, M, S, N, D, E, H, F = (Polynomial({symbol: 1}) for symbol in ORDER)
