"""Significance of differences over seeds and items, and what they could have detected.

Two tests must agree before one system is called better: a paired t-test over seeds, with the error of the items added,
and the Multi-Bootstrap over seeds and items (Sellam et al. 2022, section 3.2). Alone, the plain t-test ignores the
sampling of items, and the Multi-Bootstrap rejects too often with few seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from zoo.core.specs import Record
from zoo.experiments.statistics.bootstrap import Array, draws

LEVEL = 0.05
POWER = 0.8
N_DRAWS = 2_000
FEWEST_SEEDS = 3
SEED_OF_SEEDS = 1_000_003
"""Keeps the draws of seeds apart from those of items."""

MOST_SEEDS = 1_000
"""The most seeds considered; a difference that needs more is out of reach."""

Verdict: TypeAlias = Literal["better", "not significant", "too few seeds", "same model"]

TOO_FEW: Final = "too few seeds"
"""Not significant, and with more seeds a difference half as large could be."""

SAME: Final = "same model"
"""For two with equal inputs and equal scores: there is nothing to test."""


class Spread(Record):
    """A system's scores on a task over seeds; the interval is Student's, None for a single seed.

    `n_constant` runs predict one and the same for every item.
    """

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    n_constant: int
    mean_without_constant: float | None


class Difference(Record):
    """First minus second on a task, over the seeds that both finished.

    `minimum_detectable_difference` is the smallest true difference that these seeds detect with 80% power, and
    `minimum_detectable_at_best` that of any number of seeds; `seeds_needed` is how many seeds the observed difference
    needs, None if this development set cannot show it. `fixed`: both models are independent of seeds, and only items
    are resampled.
    """

    task: str
    first: str
    second: str
    n_seeds: int
    fixed: bool = False
    difference: float
    low: float | None
    high: float | None
    bootstrap_low: float
    bootstrap_high: float
    p: float
    adjusted_p: float
    minimum_detectable_difference: float | None
    minimum_detectable_at_best: float | None
    seeds_needed: int | None
    verdict: Verdict

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
    half = float(stats.t.ppf(1 - LEVEL / 2, n - 1)) * sd / sqrt(n)
    return mean, sd, mean - half, mean + half


def t_test(differences: Sequence[float], item_variance: float = 0.0) -> float:
    """Two-sided p of a paired t-test with the error of seeds and items; 1 for one pair, or without a difference.

    Variance common to seeds and items is counted twice, so the test is conservative.
    """
    mean, sd, *_ = mean_interval(differences)
    if sd is None or abs(mean) <= 1e-12:
        return 1.0
    n = len(differences)
    error = sqrt(sd**2 / n + item_variance)
    return float(2 * stats.t.sf(abs(mean) / error, n - 1)) if error > 1e-12 else 0.0


def multi_bootstrap(drawn: Array) -> Array:
    """Means [R] over seeds drawn with replacement of differences on drawn items [R, K]."""
    n_draws, n = drawn.shape
    seeds = np.concatenate(list(draws(n, n_draws, SEED_OF_SEEDS)))
    means: Array = np.einsum("rk,rk->r", drawn, seeds) / n
    return means


def bootstrap_p(means: Array) -> float:
    """Two-sided p of no difference, by how many resampled differences lie on either side of it."""
    sides = min((means <= 0).sum(), (means >= 0).sum())
    return float(min(1.0, 2 * (sides + 1) / (len(means) + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for multiple tests (Holm 1979)."""
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def minimum_detectable_difference(n_seeds: int, seed_variance: float, item_variance: float) -> float | None:
    """The smallest true difference that a two-sided test at 5% detects with 80% power, by the noncentral t.

    None if it cannot be estimated: for one seed, and where nothing varied, as between runs that learnt nothing.
    """
    error, freedom = sqrt(seed_variance / n_seeds + item_variance), n_seeds - 1
    if freedom == 0 or error <= 1e-12:
        return None
    bound = float(stats.t.ppf(1 - LEVEL / 2, freedom))
    shift = brentq(lambda shift: float(stats.nct.sf(bound, freedom, shift)) - POWER, 0.1, 10 * bound)
    return error * float(shift)


def seeds_needed(difference: float, seed_variance: float, item_variance: float) -> int | None:
    """The smallest number of seeds with which a difference would be detectable, None beyond a thousand."""

    def enough(n_seeds: int) -> bool:
        smallest = minimum_detectable_difference(n_seeds, seed_variance, item_variance)
        return smallest is not None and smallest <= abs(difference)

    low, high = 1, MOST_SEEDS
    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def verdict(found: Difference, adjusted_p: float) -> Verdict:
    """Better, or why not: too few seeds if more could show a difference half as large."""
    if found.n_seeds < FEWEST_SEEDS and not found.fixed:
        return TOO_FEW
    if adjusted_p < LEVEL:
        return "better"
    now, at_best = found.minimum_detectable_difference, found.minimum_detectable_at_best
    return TOO_FEW if now is not None and at_best is not None and now > 2 * at_best else "not significant"


def tiers(means: dict[str, float], better: set[tuple[str, str]]) -> list[list[str]]:
    """Systems in groups, best first: a group is its best and all that are not significantly worse."""
    left = sorted(means, key=lambda name: (-means[name], name))
    found = []
    while left:
        group = [name for name in left if (left[0], name) not in better]
        found.append(group)
        left = [name for name in left if name not in group]
    return found
