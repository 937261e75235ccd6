"""What a comparison sets out to show, decided before its results are seen. No torch here."""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from zoo.core.errors import ZooError, explain
from zoo.core.specs import Record


class Claims(Record):
    """Which differences are tested, and with which correction for multiple tests.

    `margin`: two systems within so many points (1/100 of a score) are equivalent. `family_wise`: one correction over
    all pairs and tasks, instead of one per pair over its tasks. `against`: only differences from this variant, with
    one correction over all of them. `looks`: seeds are added until every difference is decided, which is looked at when
    so many are there; empty for a fixed number of seeds.
    """

    margin: Annotated[float, Field(gt=0.0, le=100.0)] | None = None
    family_wise: bool = False
    against: str | None = None
    looks: tuple[Annotated[int, Field(ge=3)], ...] = ()

    @model_validator(mode="after")
    def _looks_again_with_more(self) -> Self:
        if any(second <= first for first, second in pairwise(self.looks)):
            raise ValueError("each look at the differences is with more seeds than the one before")
        return self

    @property
    def share(self) -> float | None:
        """The margin as a share of 1, like a score."""
        return self.margin and self.margin / 100

    def changed(self, **given: object) -> Claims:
        """With what is given; None means not given. Raises ZooError for an invalid value."""
        try:
            return Claims.model_validate(self.model_dump() | {k: v for k, v in given.items() if v is not None})
        except ValidationError as error:
            raise ZooError(explain(error)) from None


PLAIN = Claims()
"""Every pair, each corrected over its tasks; no margin."""

FEWEST = 3
"""Seeds at the first look; two say too little of their spread."""

GROWTH = 1.5
"""How many times as many seeds the next look has; the fewer looks, the less each costs in power."""


def looks_at(first: int, last: int) -> tuple[int, ...]:
    """The numbers of seeds at which differences are looked at, from the first to the last, as 3, 5, 8, 12, 18, 20.

    Raises ZooError if the first has fewer than three seeds, or the last fewer than the first.
    """
    if first < FEWEST:
        raise ZooError(f"--until-decided starts with at least {FEWEST} seeds; leave out --seeds {first}")
    if last < first:
        raise ZooError(f"--max-seeds {last} is less than --seeds {first}, with which it starts; give more")
    found = [first]
    while found[-1] < last:
        found.append(min(last, ceil(GROWTH * found[-1])))
    return tuple(found)
