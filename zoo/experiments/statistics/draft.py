"""Differences between systems before the correction for multiple tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from zoo.experiments.statistics.bootstrap import Array
from zoo.experiments.statistics.error import Error, error_of
from zoo.experiments.statistics.looks import ONE_LOOK, Looks

MEAN = "mean"
"""The name of the mean over tasks."""


@dataclass(frozen=True)
class Scores:
    """A system's main scores [K] and the same on drawn items [R, K], of N items; scores differ by `most` at most."""

    seeds: tuple[int, ...]
    values: Array
    drawn: Array
    n_items: int
    most: float = inf
    limits: tuple[float, float] = (-inf, inf)
    """Between which a score lies; an interval ends there."""

    def repeated(self, seeds: tuple[int, ...]) -> Scores:
        """The one score of a system independent of seeds, repeated for each of these seeds."""
        values, drawn = (np.repeat(side[..., :1], len(seeds), axis=-1) for side in (self.values, self.drawn))
        return Scores(seeds, values, drawn, self.n_items, self.most)

    def at(self, seeds: Sequence[int]) -> tuple[Array, Array]:
        """For some of the seeds, in order."""
        which = [self.seeds.index(seed) for seed in seeds]
        return self.values[which], self.drawn[:, which]


@dataclass(frozen=True)
class Draft:
    """First minus second on a task, and its error. `same`: both scores depend on the same inputs, and are equal."""

    task: str
    first: str
    second: str
    n_seeds: int
    difference: float
    error: Error
    same: bool = False
    most: float = inf
    """The largest difference that the metric allows; an interval ends there."""
    looks: Looks = ONE_LOOK
    """The looks of which this is one, if seeds are added until it is decided."""

    @cached_property
    def p(self) -> float:
        """Two-sided p, not corrected."""
        return self.error.p(self.difference)

    @property
    def overall_p(self) -> float:
        """Two-sided p, corrected for repeated looks."""
        return self.looks.overall(self.p, self.n_seeds)

    def equivalence_p(self, margin: float) -> float:
        """The larger p of two one-sided tests that the difference is inside the margin (Schuirmann 1987), corrected
        for repeated looks.
        """
        room = margin - abs(self.difference)
        return self.looks.overall(self.error.p(room), self.n_seeds) / 2 if room > 0 else 1.0


def draft(
    task: str,
    first: str,
    second: str,
    values: Array,
    drawn: Array,
    n_items: int,
    *,
    same: bool = False,
    fixed: bool = False,
    most: float = inf,
) -> Draft:
    """From paired differences over seeds [K] and over drawn items and seeds [R, K].

    `same`: both scores depend on the same inputs; if they still differ, as on two machines, they are tested. `fixed`:
    neither depends on a seed, so only items vary, and the verdict is on these two models.
    """
    error = error_of(values, drawn, n_items, fixed=fixed)
    same = same and not values.any()
    return Draft(task, first, second, len(values), float(np.mean(values)), error, same, most)


@dataclass(frozen=True)
class Pairing:
    """Two systems with both their scores on a task, or on several for the difference in the mean over them.

    `same` and `fixed` are as in `draft`.
    """

    first: str
    second: str
    sides: Mapping[str, tuple[Scores, Scores]]
    same: bool = False
    fixed: bool = False

    @property
    def task(self) -> str:
        """The task, or the mean over several."""
        return MEAN if len(self.sides) > 1 else next(iter(self.sides))

    @property
    def seeds(self) -> list[int]:
        """Those that both finished on all tasks."""
        return sorted(set.intersection(*({*s.seeds} for both in self.sides.values() for s in both)))

    def draft(self, seeds: Sequence[int]) -> Draft:
        """First minus second, seed by seed."""
        values, drawn = [], []
        for index, (one, other) in enumerate(self.sides.values()):
            (ours, ours_drawn), (theirs, theirs_drawn) = one.at(seeds), other.at(seeds)
            values.append(ours - theirs)
            # Tasks of equal size meet the same draws; shifted against each other, their items are drawn independently.
            drawn.append(np.roll(ours_drawn - theirs_drawn, index, axis=0))
        n_items = min(one.n_items for one, _ in self.sides.values())
        most = max(one.most for one, _ in self.sides.values())
        means = np.mean(values, axis=0), np.mean(drawn, axis=0)
        return draft(self.task, self.first, self.second, *means, n_items, same=self.same, fixed=self.fixed, most=most)
