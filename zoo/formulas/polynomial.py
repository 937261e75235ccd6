"""Sums of products of dimensions, which can be printed and evaluated: V·E + E·H + 2·E."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import groupby

from zoo.core.errors import ZooError

ORDER = "LVPMSNDEHF"
"""The order of symbols in a printed product."""

_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Polynomial:
    """Integer coefficients by product of symbols; HHV stands for H²·V, the empty product for 1.

    Sums and products are worked out when they are read: a listing counts parameters, and never the operations and
    bytes that the same formulas state.
    """

    __slots__ = ("_terms",)

    def __init__(self, terms: Mapping[str, int] | Callable[[], Mapping[str, int]]) -> None:
        self._terms = terms

    @property
    def terms(self) -> Mapping[str, int]:
        """The coefficients."""
        if callable(self._terms):
            self._terms = self._terms()
        return self._terms

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __repr__(self) -> str:
        return f"Polynomial({dict(self.terms)})"

    def __add__(self, other: Polynomial | int) -> Polynomial:
        return Polynomial(partial(_sum, self, other))

    def __mul__(self, other: Polynomial | int) -> Polynomial:
        return Polynomial(partial(_product, self, other))

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
        return Polynomial(partial(_replaced, self, old, new))

    def __str__(self) -> str:
        return " + ".join(map(_term, self.terms.items())).replace("+ -", "- ") or "0"


def polynomial(value: Polynomial | int) -> Polynomial:
    """A number as a polynomial."""
    return value if isinstance(value, Polynomial) else Polynomial({"": value} if value else {})


def _sum(one: Polynomial, other: Polynomial | int) -> Mapping[str, int]:
    total = dict(one.terms)
    for product, coefficient in polynomial(other).terms.items():
        total[product] = total.get(product, 0) + coefficient
    return {product: coefficient for product, coefficient in total.items() if coefficient}


def _product(one: Polynomial, other: Polynomial | int) -> Mapping[str, int]:
    total: dict[str, int] = {}
    for left, a in one.terms.items():
        for right, b in polynomial(other).terms.items():
            product = _in_order(left + right) if left and right else left or right
            total[product] = total.get(product, 0) + a * b
    return {product: coefficient for product, coefficient in total.items() if coefficient}


def _replaced(one: Polynomial, old: str, new: Polynomial) -> Mapping[str, int]:
    total = ZERO
    for product, coefficient in one.terms.items():
        term = Polynomial({product.replace(old, ""): coefficient})
        for _ in range(product.count(old)):
            term = term * new
        total = total + term
    return total.terms


@cache
def _in_order(symbols: str) -> str:
    return "".join(sorted(symbols, key=ORDER.index))


def _term(term: tuple[str, int]) -> str:
    product, coefficient = term
    powers = [(symbol, len(list(run))) for symbol, run in groupby(product)]
    factors = [symbol + (str(n).translate(_POWERS) if n > 1 else "") for symbol, n in powers]
    if coefficient != 1 or not factors:
        factors.insert(0, str(coefficient))
    return "·".join(factors)


ZERO = Polynomial({})
L, V, P, M, S, N, D, E, H, F = (Polynomial({symbol: 1}) for symbol in ORDER)
