"""Verdicts on differences: corrected for multiple tests, with a fixed number of seeds or look by look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import sqrt

from zoo.experiments.plan.claims import Claims
from zoo.experiments.statistics.draft import Draft, Pairing
from zoo.experiments.statistics.error import CERTAIN, LEVEL, MOST_SEEDS
from zoo.experiments.statistics.looks import Looks
from zoo.experiments.statistics.tests import (
    EQUIVALENT,
    OUT_OF_REACH,
    SAME,
    TOO_FEW,
    Difference,
    Look,
    Verdict,
    hochberg_factors,
    holm_factors,
)

SLIGHT = 0.1
"""A chance of being decided by the seeds that are left, below which a difference is out of reach."""


@dataclass(frozen=True)
class Tested:
    """A draft, and by how much its p-values are multiplied for multiple tests; equivalence is tested with a margin."""

    draft: Draft
    factor: float
    margin: float | None = None
    equivalence_factor: float = 1.0

    @property
    def adjusted_p(self) -> float:
        """Two-sided p, corrected."""
        return min(1.0, self.factor * self.draft.overall_p)

    @property
    def equivalence_p(self) -> float | None:
        """Of equivalence, corrected; None if it is not tested."""
        if self.margin is None:
            return None
        return min(1.0, self.equivalence_factor * self.draft.equivalence_p(self.margin))

    @property
    def shown(self) -> Verdict | None:
        """What the tests have shown, if anything."""
        if self.draft.same:
            return SAME
        if self.adjusted_p < LEVEL:
            return "better"
        return EQUIVALENT if self.equivalence_p is not None and self.equivalence_p < LEVEL else None

    def level(self, n_seeds: int) -> float:
        """What the corrections leave of the level at so many seeds."""
        return self.draft.looks.level(LEVEL / self.factor, n_seeds)

    def chance(self, last: int) -> float:
        """The probability that the last look shows something, were the observed difference the true one."""
        from scipy.special import ndtr

        error, d = self.draft.error, abs(self.draft.difference)
        end = error.with_seeds(last)
        spread = max(sqrt(max(0.0, error.of_seeds - end.of_seeds)), CERTAIN)
        found = float(ndtr((d - end.reach(self.level(last))) / spread))
        if self.margin is None:
            return found
        one_sided = self.draft.looks.level(2 * LEVEL / self.equivalence_factor, last)
        room = self.margin - end.reach(min(1.0, one_sided))
        inside = float(ndtr((room - d) / spread) - ndtr((-room - d) / spread)) if room > 0 else 0.0
        return min(1.0, found + inside)


def corrected(drafts: Sequence[Draft], margin: float | None = None, *, independent: bool = False) -> list[Tested]:
    """Corrected over all that can differ: by Hochberg if these are independent, else by Holm.

    `margin` is a share of 1, like a score.
    """
    correction = hochberg_factors if independent else holm_factors
    tested = [d for d in drafts if not d.same]
    factors = dict(zip(map(id, tested), correction([d.overall_p for d in tested]), strict=True))
    within = [d.equivalence_p(margin) for d in tested] if margin else []
    inside = dict(zip(map(id, tested), correction(within), strict=False))
    return [
        Tested(d, factors.get(id(d), 1.0), margin if id(d) in inside else None, inside.get(id(d), 1.0)) for d in drafts
    ]


def decided(drafts: Sequence[Draft], margin: float | None = None, *, independent: bool = False) -> list[Difference]:
    """With verdicts, corrected together."""
    return [_difference(tested) for tested in corrected(drafts, margin, independent=independent)]


def settled(pairings: Sequence[Pairing], claims: Claims, *, independent: bool = False) -> list[Difference]:
    """With verdicts, corrected together; where seeds are added until differences are decided, look by look.

    `independent`: the pairings share no results, as one pair on several tasks. What a look has decided stays as it was
    then, whatever seeds others need: Holm's procedure may then test the rest at higher levels (Maurer and Bretz 2013).
    Pairings that reached no look are left out.
    """
    known = [pairing for pairing in pairings if pairing.seeds]
    if not claims.looks:
        return decided([pairing.draft(pairing.seeds) for pairing in known], claims.share, independent=independent)
    rows = [_Row(pairing, Looks(claims.looks)) for pairing in known]
    for number in claims.looks:
        for row in rows:
            row.look(range(number))
        there = [row for row in rows if row.draft]
        for row, tested in zip(there, corrected([row.draft for row in there if row.draft], claims.share), strict=True):
            row.note(tested)
    return [row.difference() for row in rows if row.draft]


@dataclass
class _Row:
    """A pairing from look to look."""

    pairing: Pairing
    looks: Looks
    draft: Draft | None = None
    tested: Tested | None = None
    noted: dict[int, Look] = field(default_factory=dict)

    def look(self, seeds: Sequence[int]) -> None:
        """Take these seeds in, unless the row is decided or lacks some; two models without seeds have only one look."""
        if self.tested and (self.tested.shown or self.pairing.fixed):
            return
        if self.pairing.fixed:
            self.draft = self.pairing.draft(self.pairing.seeds)
        elif {*seeds} <= {*self.pairing.seeds}:
            self.draft = replace(self.pairing.draft(seeds), looks=self.looks)

    def note(self, tested: Tested) -> None:
        """Remember what a look has shown."""
        self.tested, d = tested, tested.draft
        if not self.pairing.fixed:
            self.noted[d.n_seeds] = Look(
                n_seeds=d.n_seeds,
                difference=d.difference,
                adjusted_p=tested.adjusted_p,
                equivalence_p=tested.equivalence_p,
            )

    def difference(self) -> Difference:
        """As of its last look."""
        assert self.tested
        found = _difference(self.tested)
        if self.pairing.fixed:
            return found
        last, chance = self.looks.numbers[-1], None
        if not self.tested.shown:
            chance = self.tested.chance(last) if found.n_seeds < last else 0.0
            found = found.model_copy(update={"verdict": OUT_OF_REACH if chance < SLIGHT else TOO_FEW})
        return found.model_copy(update={"looks": tuple(self.noted.values()), "chance": chance})


def _difference(tested: Tested) -> Difference:
    found, error = tested.draft, tested.draft.error
    level = tested.level(found.n_seeds)
    reach = error.reach(level) if error.known else None
    now, at_best = error.detectable(level), error.with_seeds(MOST_SEEDS).detectable(level)
    return Difference(
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
        adjusted_p=tested.adjusted_p,
        equivalence_p=tested.equivalence_p,
        minimum_detectable_difference=now,
        minimum_detectable_at_best=at_best,
        seeds_needed=error.seeds_needed(found.difference, level) if now is not None else None,
        verdict=tested.shown or _undecided(reach is not None, now, at_best),
    )


def _undecided(known: bool, now: float | None, at_best: float | None) -> Verdict:
    """Why a difference is not shown: too few seeds if more could show one half as large."""
    few = not known or (now is not None and at_best is not None and now > 2 * at_best)
    return TOO_FEW if few else "not significant"
