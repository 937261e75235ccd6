"""The error of a difference over seeds and items: one model for the p-value, the interval, power and seeds needed.

A difference has a variance over seeds, over items, and of their interaction, which a mean over seeds contains in both
(crossed random effects; Clark 1973). Its variance is A + B: A = S² / K from K seeds, with K - 1 degrees of freedom, and
B, which the items leave however many seeds there are, with N - 1. The interval reaches as far as the root of
t² A + t'² B, each with its own t value (Banerjee 1960). It is never too short, at any level and for any A and B: the
chance to exceed it is convex in the reach's square, so it is at most the mean of both t intervals' chances. A weighted
mean of the t values (Cochran and Cox 1957) and Satterthwaite's degrees of freedom are both too short with few seeds at
the small levels that a correction for multiple tests asks for: where the seeds happen to agree, they give up the
seeds' t value, which with 2 degrees of freedom is 10 at 1%.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
POWER = 0.8

MOST_SEEDS = 1_000
"""The most seeds considered; a difference that needs more is out of reach."""

MANY_ITEMS = 10**9
"""As if there were so many items where only scores are known, so that items leave no error."""

SMALLEST_P = 1e-15
CERTAIN = 1e-12
"""Differences and errors below this are rounding."""


@dataclass(frozen=True)
class Error:
    """The error of a mean difference over K seeds and N items.

    `over_seeds` is the variance of one seed's difference, `together` the part of it that is an interaction with the
    items, and `over_items` the variance of the mean that any number of seeds leaves. `n_seeds` is None if neither
    system depends on a seed.
    """

    over_seeds: float
    over_items: float
    n_seeds: int | None
    n_items: int
    together: float = 0.0
    varied: bool = True
    """Whether anything varied; runs that learned nothing say nothing about what could be detected."""

    @cached_property
    def of_seeds(self) -> float:
        """A: the part of the variance that more seeds reduce."""
        return self.over_seeds / self.n_seeds if self.n_seeds else 0.0

    @cached_property
    def size(self) -> float:
        """The standard error."""
        return sqrt(self.of_seeds + self.over_items)

    @property
    def known(self) -> bool:
        """Whether it can be estimated: from one seed it cannot."""
        return self.n_seeds != 1

    def critical(self, level: float) -> float:
        """How many standard errors a difference must exceed, two-sided."""
        return self.reach(level) / self.size

    def reach(self, level: float) -> float:
        """Half of the interval at a level.

        Items tell the interaction well, which is a part of A. 1 / K of it counts as known: more where K is small and it
        matters most. So false findings are at most 5.1% at 5%, and 1.05% at 1% (exact for normal differences).
        """
        of_items = critical_t(level, self.n_items - 1)
        if not self.of_seeds or self.n_seeds is None:
            return of_items * sqrt(self.over_items)
        known = self.together / self.n_seeds**2
        of_seeds = critical_t(level, self.n_seeds - 1)
        return sqrt(of_seeds**2 * (self.of_seeds - known) + of_items**2 * (self.over_items + known))

    def p(self, difference: float) -> float:
        """Two-sided p of no difference; 1 if the error is unknown."""
        from scipy.optimize import brentq

        if not self.known or abs(difference) <= CERTAIN:
            return 1.0
        if self.reach(SMALLEST_P) < abs(difference):
            return SMALLEST_P
        return exp(brentq(lambda x: self.reach(exp(x)) - abs(difference), log(SMALLEST_P), 0.0, xtol=1e-10))

    def detectable(self, level: float = LEVEL) -> float | None:
        """The smallest true difference found with 80% power; None if it is unknown.

        By the noncentral t with Satterthwaite's degrees of freedom.
        """
        from scipy.optimize import brentq
        from scipy.special import nctdtr

        if not (self.known and self.varied):
            return None
        bound, freedom = self.critical(level), self._freedom
        shift = brentq(lambda shift: 1 - POWER - float(nctdtr(freedom, shift, bound)), 0.1, 2 * bound + 10)
        return self.size * float(shift)

    def with_seeds(self, n_seeds: int) -> Error:
        """The same, had there been so many seeds."""
        return self if self.n_seeds is None else replace(self, n_seeds=n_seeds)

    def seeds_needed(self, difference: float, level: float = LEVEL) -> int | None:
        """The fewest seeds with which a difference would be detectable, None beyond a thousand."""

        def enough(n_seeds: int) -> bool:
            smallest = self.with_seeds(n_seeds).detectable(level)
            return smallest is not None and smallest <= abs(difference)

        low, high = 1, MOST_SEEDS
        if not enough(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high

    @property
    def _freedom(self) -> float:
        of_seeds = 0.0 if not self.n_seeds else self.of_seeds**2 / (self.n_seeds - 1)
        return float(self.size**4 / (of_seeds + self.over_items**2 / (self.n_items - 1)))


def error_of(values: NDArray[Any], drawn: NDArray[Any], n_items: int, *, fixed: bool = False) -> Error:
    """The error of differences by seed [K], from the same on drawn items [R, K].

    A difference counts as at least as uncertain as one item could make it. Scores alone that are equal for every seed
    tell nothing of their error.
    """
    n_seeds, n_items = len(values), max(2, n_items)
    unbiased = n_items / (n_items - 1)
    of_means = float(drawn.mean(1).var()) * unbiased
    least = 1 / n_items**2
    if fixed or n_seeds == 1:
        return Error(0.0, max(of_means, least), None if fixed else 1, n_items, varied=of_means > CERTAIN)
    together = float((drawn - drawn.mean(1, keepdims=True)).var(0).sum()) / (n_seeds - 1) * unbiased
    seeds = max(float(np.var(values, ddof=1)), together)
    if n_items == MANY_ITEMS and seeds <= CERTAIN**2:
        return Error(0.0, least, 1, n_items)
    over_items = max(of_means - together / n_seeds, least)
    return Error(seeds, over_items, n_seeds, n_items, together, varied=seeds + of_means > CERTAIN)


def critical_t(level: float, freedom: float) -> float:
    """The two-sided critical value of Student's t."""
    from scipy.special import stdtrit

    return -float(stdtrit(freedom, level / 2))
