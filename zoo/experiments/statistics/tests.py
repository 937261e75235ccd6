"""Spreads of scores, differences with their verdicts, corrections for multiple tests, and tiers."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import Final, Literal, TypeAlias

import numpy as np

from zoo.core.specs import Record
from zoo.experiments.statistics.error import LEVEL, critical_t

Verdict: TypeAlias = Literal["better", "equivalent", "not significant", "too few seeds", "out of reach", "same model"]

TOO_FEW: Final = "too few seeds"
"""Not significant, and with more seeds a difference half as large could be."""

OUT_OF_REACH: Final = "out of reach"
"""Where seeds are added until differences are decided: undecided, and those that are left are unlikely to decide it."""

EQUIVALENT: Final = "equivalent"
"""Shown to differ by less than the margin."""

SAME: Final = "same model"
"""For two with equal inputs and equal scores: there is nothing to test."""

N_DRAWS = 2_000


class Spread(Record):
    """A system's scores on a task over seeds; the interval is Student's, None for a single seed.

    `n_constant` runs predict one and the same for every item. The runs of the seeds `at_chance` are not significantly
    above the best such answer; None where there is none, or no gold labels.
    """

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    n_constant: int
    mean_without_constant: float | None
    at_chance: tuple[int, ...] | None = None
    mean_above_chance: float | None = None


class Look(Record):
    """A difference as it was when so many seeds were there; p-values are corrected for looks and multiple tests."""

    n_seeds: int
    difference: float
    adjusted_p: float
    equivalence_p: float | None = None


class Difference(Record):
    """First minus second on a task, over the seeds that both finished, with one model of its error (zoo's Error).

    `adjusted_p` is corrected for multiple tests, and so are the interval, what could be detected and the seeds needed:
    they are at `level`, which the correction leaves this row, so a row is better exactly if its interval excludes 0.
    `minimum_detectable_difference` is the smallest true difference that these seeds detect with 80% power, and
    `minimum_detectable_at_best` that of any number of seeds; `seeds_needed` is how many seeds the observed difference
    needs, None if this development set cannot show it. `equivalence_p` is that of two one-sided tests against the
    margin, None without a margin. `fixed`: both models are independent of seeds, and only items vary.

    Where seeds are added until differences are decided, everything is as of the last of `looks`: the one that decided
    it, whatever seeds others needed. Of one that is undecided, `chance` is how likely the seeds that are left decide
    it, were the true difference the observed one.
    """

    task: str
    first: str
    second: str
    n_seeds: int
    fixed: bool = False
    difference: float
    low: float | None
    high: float | None
    level: float
    p: float
    adjusted_p: float
    equivalence_p: float | None = None
    minimum_detectable_difference: float | None
    minimum_detectable_at_best: float | None
    seeds_needed: int | None
    verdict: Verdict
    looks: tuple[Look, ...] = ()
    chance: float | None = None

    @property
    def winner_first(self) -> tuple[str, str]:
        """The two systems, the one with the higher mean first."""
        return (self.first, self.second) if self.difference > 0 else (self.second, self.first)


def spread(values: Sequence[float], constant: Sequence[bool]) -> Spread:
    """Mean, standard deviation and 95% interval of one run or more."""
    mean, sd, low, high = mean_interval(values)
    sound = [value for value, bad in zip(values, constant, strict=True) if not bad]
    return Spread(
        n=len(values),
        mean=mean,
        sd=sd,
        low=low,
        high=high,
        n_constant=sum(constant),
        mean_without_constant=float(np.mean(sound)) if sound else None,
    )


def mean_interval(values: Sequence[float]) -> tuple[float, float | None, float | None, float | None]:
    """Mean, standard deviation, and the ends of the 95% t interval; the last three None for one value."""
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return mean, None, None, None
    sd = float(np.std(values, ddof=1))
    half = critical_t(LEVEL, n - 1) * sd / sqrt(n)
    return mean, sd, mean - half, mean + half


def holm_factors(p_values: Sequence[float]) -> list[float]:
    """By how much Holm's adjustment (1979) multiplies each p-value, all above 0; a product above 1 counts as 1."""
    factors, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, (len(p_values) - rank) * p_values[index])
        factors[index] = highest / p_values[index]
    return factors


def hochberg_factors(p_values: Sequence[float]) -> list[float]:
    """The same of Hochberg's adjustment (1988), which finds more, and holds for independent tests."""
    factors, lowest = [1.0] * len(p_values), inf
    for rank, index in enumerate(reversed(np.argsort(p_values, kind="stable")), 1):
        lowest = min(lowest, rank * p_values[index])
        factors[index] = lowest / p_values[index]
    return factors


def tiers(means: dict[str, float], better: set[tuple[str, str]]) -> list[list[str]]:
    """Systems in groups, best first: a group is its best and all that are not significantly worse."""
    left = sorted(means, key=lambda name: (-means[name], name))
    found = []
    while left:
        group = [name for name in left if (left[0], name) not in better]
        found.append(group)
        left = [name for name in left if name not in group]
    return found
