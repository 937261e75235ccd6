"""Scores that another tool has given to a system's answers; nothing is asked of a model here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from zoo.tasks.kinds.regression import Regression

LARGEST = 1.0
"""A perfect score; correlations may be as low as its negative."""

RIGHT = {"true": 1.0, "false": 0.0}


class ItemScores(Regression):
    """A prediction is the score of an item's answer as a share of 1, such as 1 for a right one and 0 for a wrong one.

    Gold labels are not read: each is the best score.
    """

    baselines: ClassVar[dict[str, str]] = {}

    def fits(self, value: Any) -> bool:
        """A share of 1."""
        return super().fits(value) and abs(value) <= LARGEST

    @property
    def wanted(self) -> str:
        """A share of 1."""
        return "a score of at most 1; where a perfect score is 100, say so with --scale 100"

    def foreign(self, value: Any, *, gold: bool = False) -> Any:
        """A number, or whether the answer is right."""
        right = RIGHT.get(str(value).lower())
        return super().foreign(value, gold=gold) if right is None else right

    def is_constant(self, values: Sequence[Any]) -> bool:
        """Equal scores do not mean equal predictions."""
        return False

    def constants(self, gold: Sequence[Any]) -> list[list[Any]]:
        """None: no labels are known."""
        return []
