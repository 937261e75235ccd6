"""A number for a text or a pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isclose, isfinite
from statistics import fmean
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.tasks.kinds.kind import EncodedItem, TaskKind
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

ROUNDING = 1e-4
"""How far the prediction of the same model may be off elsewhere."""


class Regression(TaskKind):
    """A label is a finite number."""

    head = "zoo.heads:Regression"
    loss_reads = frozenset({"mixup"})
    rewords = True
    columns = ("prediction",)
    baselines: ClassVar = {
        "majority": "zoo.tasks.baselines:mean_score",
        "bag-of-words": "zoo.tasks.baselines:ridge_regression",
    }

    def problem(self) -> str | None:
        """There are no classes."""
        return "has no labels" if self.labels else None

    def fits(self, value: Any) -> bool:
        """Any number but NaN and the infinite ones."""
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)

    @property
    def wanted(self) -> str:
        """A number."""
        return "a finite number"

    def to_json(self, label: Any) -> Any:
        """A float, also where it is a whole number."""
        return float(label) if self.fits(label) else label

    def read(self, cell: str) -> float:
        """A number."""
        try:
            value = float(cell)
        except ValueError:
            value = float("nan")
        if not isfinite(value):
            raise ValueError(f"the score {cell!r:.60} is not a finite number")
        return value

    def shown(self, value: Any) -> str:
        """With four digits."""
        return f"{value:.4f}"

    def decode(self, item: EncodedItem, logits: Tensor) -> float:
        """A scalar to a number."""
        return float(logits)

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """The number."""
        yield (self.shown(float(logits)),)

    def side(self, values: Sequence[Any]) -> Any:
        """Numbers. [N]"""
        import numpy as np

        return np.asarray(values, dtype=np.float64)

    def constants(self, gold: Sequence[Any]) -> list[list[Any]]:
        """The mean for every item."""
        return [[fmean(gold)] * len(gold)]

    def same(self, value: Any, other: Any) -> bool:
        """Equal to about four digits."""
        return isclose(value, other, rel_tol=ROUNDING, abs_tol=ROUNDING)
