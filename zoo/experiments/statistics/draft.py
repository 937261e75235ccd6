"""Differences between systems before and after the correction for multiple tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from zoo.experiments.statistics.bootstrap import Array
from zoo.experiments.statistics.error import LEVEL, MOST_SEEDS, Error, error_of
from zoo.experiments.statistics.tests import EQUIVALENT, SAME, TOO_FEW, Difference, Verdict, holm, holm_factors

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

    def repeated(self, seeds: tuple[int, ...]) -> Scores:
        """The one score of a system independent of seeds, repeated for each of these seeds."""
        values, drawn = (np.repeat(side[..., :1], len(seeds), axis=-1) for side in (self.values, self.drawn))
        return Scores(seeds, values, drawn, self.n_items, self.most)

    def at(self, seeds: list[int]) -> tuple[Array, Array]:
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

    @cached_property
    def p(self) -> float:
        """Two-sided p, not corrected."""
        return self.error.p(self.difference)

    def equivalence_p(self, margin: float) -> float:
        """The larger p of two one-sided tests that the difference is inside the margin (Schuirmann 1987)."""
        room = margin - abs(self.difference)
        return self.error.p(room) / 2 if room > 0 else 1.0


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


def draft_of(
    first: str, second: str, sides: dict[str, tuple[Scores, Scores]], *, same: bool, fixed: bool = False
) -> Draft | None:
    """First minus second on a task, or in the mean over several, seed by seed; None if no seed finished all."""
    seeds = sorted(set.intersection(*({*s.seeds} for both in sides.values() for s in both))) if sides else []
    if not seeds:
        return None
    values, drawn = [], []
    for index, (one, other) in enumerate(sides.values()):
        (ours, ours_drawn), (theirs, theirs_drawn) = one.at(seeds), other.at(seeds)
        values.append(ours - theirs)
        # Tasks of equal size meet the same draws; shifted against each other, their items are drawn independently.
        drawn.append(np.roll(ours_drawn - theirs_drawn, index, axis=0))
    name = MEAN if len(sides) > 1 else next(iter(sides))
    n_items = min(one.n_items for one, _ in sides.values())
    most = max(one.most for one, _ in sides.values())
    means = np.mean(values, axis=0), np.mean(drawn, axis=0)
    return draft(name, first, second, *means, n_items, same=same, fixed=fixed, most=most)


def decided(drafts: Sequence[Draft], margin: float | None = None) -> list[Difference]:
    """With verdicts, Holm-corrected over all that can differ; `margin` is a share of 1, like a score."""
    tested = [d for d in drafts if not d.same]
    factors = dict(zip(map(id, tested), holm_factors([d.p for d in tested]), strict=True))
    within = [d.equivalence_p(margin) for d in tested] if margin else []
    inside = dict(zip(map(id, tested), holm(within), strict=False))
    return [_decided(d, factors.get(id(d), 1.0), inside.get(id(d))) for d in drafts]


def _decided(found: Draft, factor: float, equivalence_p: float | None) -> Difference:
    level, error = LEVEL / factor, found.error
    reach = error.reach(level) if error.known else None
    now, at_best = error.detectable(level), error.with_seeds(MOST_SEEDS).detectable(level)
    difference = Difference(
        task=found.task,
        first=found.first,
        second=found.second,
        n_seeds=found.n_seeds,
        fixed=error.n_seeds is None,
        difference=found.difference,
        low=None if reach is None else max(-found.most, found.difference - reach),
        high=None if reach is None else min(found.most, found.difference + reach),
        level=level,
        p=found.p,
        adjusted_p=min(1.0, factor * found.p),
        equivalence_p=equivalence_p,
        minimum_detectable_difference=now,
        minimum_detectable_at_best=at_best,
        seeds_needed=error.seeds_needed(found.difference, level) if now is not None else None,
        verdict="not significant",
    )
    return difference.model_copy(update={"verdict": SAME if found.same else verdict(difference)})


def verdict(found: Difference) -> Verdict:
    """Better, equivalent, or why neither: too few seeds if more could show a difference half as large."""
    if found.adjusted_p < LEVEL:
        return "better"
    if found.equivalence_p is not None and found.equivalence_p < LEVEL:
        return EQUIVALENT
    now, at_best = found.minimum_detectable_difference, found.minimum_detectable_at_best
    few = found.low is None or (now is not None and at_best is not None and now > 2 * at_best)
    return TOO_FEW if few else "not significant"
