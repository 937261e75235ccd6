"""What a comparison sets out to show, decided before its results are seen. No torch here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationError

from zoo.core.errors import ZooError, explain
from zoo.core.specs import Record


class Claims(Record):
    """Which differences are tested, and with which correction for multiple tests.

    `margin`: two systems within so many points (1/100 of a score) are equivalent. `family_wise`: one correction over
    all pairs and tasks, instead of one per pair over its tasks. `against`: only differences from this variant, with
    one correction over all of them.
    """

    margin: Annotated[float, Field(gt=0.0, le=100.0)] | None = None
    family_wise: bool = False
    against: str | None = None

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
