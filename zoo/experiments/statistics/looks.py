"""Levels of a test that is looked at repeatedly while seeds are added (group-sequential design).

A test at 5% whenever seeds come in would find more than 5% of differences that do not exist. So the level is spent
over the looks (Lan and DeMets 1983): by the look at K of M seeds, the square of (K - 1) / (M - 1) of it (the power
family of Kim and DeMets 1987). The seeds of a look are among those of the next, so their mean moves like a random walk,
and the level of each look follows from how likely the walk has crossed no earlier bound (Armitage, McPherson and Rowe
1969). Time is counted in degrees of freedom, which allows for the spread being estimated; with three seeds at the first
look that is enough. Where items are a part of the error, looks are more alike than that, and fewer differences are
found wrongly. All this was chosen by simulation (benchmarks/until_decided.py).

Intervals at these levels hold at all looks together, whatever makes one stop (repeated confidence intervals; Jennison
and Turnbull 1989), and so do p-values: the smallest level of all looks together at which this one would have found it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, pi, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Spending: TypeAlias = Callable[[float], float]
"""The share of the level that is spent when a share of all degrees of freedom is there."""

POWER_OF_SPENDING = 2
NODES = 96
LEVELS = np.logspace(-16, 0, 33)
"""The levels between which others are interpolated, in logarithms."""


def quadratic(share: float) -> float:
    """The square: little at first, when the spread over seeds is hardly known, and most at the end."""
    return share**POWER_OF_SPENDING


@dataclass(frozen=True)
class Looks:
    """Looks at these numbers of seeds; without any, one look whose level is the whole."""

    numbers: tuple[int, ...] = ()

    def level(self, overall: float, n_seeds: int) -> float:
        """The level of the look at so many seeds, for a level of all looks together."""
        return self._interpolated(overall, n_seeds, inverse=False)

    def overall(self, p: float, n_seeds: int) -> float:
        """The p-value over all looks, of one at the look at so many seeds."""
        return self._interpolated(p, n_seeds, inverse=True)

    def _interpolated(self, level: float, n_seeds: int, *, inverse: bool) -> float:
        if n_seeds not in self.numbers:
            return level
        overall, of_look = np.log(LEVELS), _of_looks(self.numbers)[:, self.numbers.index(n_seeds)]
        known, wanted = (of_look, overall) if inverse else (overall, of_look)
        return min(1.0, exp(float(np.interp(log(level), known, wanted))))


ONE_LOOK = Looks()
"""Of a fixed number of seeds."""


@lru_cache(maxsize=16)
def _of_looks(numbers: tuple[int, ...]) -> Array:
    """Logarithms of the levels of all looks, for each of the levels of all together. [levels, looks]"""
    return np.log([levels(overall, numbers) for overall in LEVELS])


def levels(overall: float, numbers: tuple[int, ...], spending: Spending = quadratic) -> list[float]:
    """The two-sided level of each look at so many seeds, for one of all looks together."""
    from scipy.special import ndtr

    places, weights = np.polynomial.legendre.leggauss(NODES)
    at, mass = np.zeros(1), np.ones(1)
    """Where walks are that have crossed no bound, and how likely."""
    found, before, spent = [], 0.0, 0.0
    for share in ((number - 1) / (numbers[-1] - 1) for number in numbers):
        step, due = sqrt(share - before), overall * (spending(share) - spending(before))
        bound = _bound(at, mass, step, due)
        there = places * bound
        mass = np.exp(-0.5 * ((there[:, None] - at) / step) ** 2) @ mass / (step * sqrt(2 * pi)) * weights * bound
        at, before, spent = there, share, spent + due
        found.append(2 * float(ndtr(-bound / sqrt(share))))
    return found


def _bound(at: Array, mass: Array, step: float, due: float) -> float:
    """The bound that walks cross in their next step with this probability."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def excess(bound: float) -> float:
        crossing = ndtr((at - bound) / step) + ndtr(-(bound + at) / step)
        return float(crossing @ mass) - due

    return float(brentq(excess, 0.0, 12.0, xtol=1e-12)) if excess(0.0) > 0 else 0.0
