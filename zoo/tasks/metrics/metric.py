"""What a metric is: a function of gold labels and predictions, and the same on items drawn again.

Legend: R draws, K systems or seeds, N items, D counts. A side is gold labels or predictions as their kind gives them
to metrics (TaskKind.side).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Side: TypeAlias = Any
Array: TypeAlias = NDArray[Any]
Drawn: TypeAlias = Callable[[Side, Sequence[Side], Array], Array]
"""Gold labels, predictions of K, and how often each item was drawn [R, N], to values [R, K]."""


@dataclass(frozen=True)
class Metric:
    """A metric of a task kind, its name, and what its values mean.

    `drawn` gives the values of many draws of items at once; without it, `value` is computed draw by draw. `problem`
    says why a task with these labels cannot have the metric.
    """

    name: str
    kind: str
    value: Callable[[Side, Side], float]
    higher_is_better: bool = True
    range: tuple[float, float] = (0.0, 1.0)
    drawn: Drawn | None = None
    problem: Callable[[Sequence[str]], str | None] = lambda labels: None
    in_main_score: bool = True
    """Whether a task's one score is of it, too: not if one who always says the same does best."""
    chosen: str = ""
    """What it chooses on the items that it scores, which reports disclose; empty if nothing."""

    @property
    def sign(self) -> int:
        """By which values are multiplied so that higher is better."""
        return 1 if self.higher_is_better else -1

    def allows(self, value: float) -> bool:
        """Whether it is within the range, but for what rounding adds."""
        return self.range[0] - 1e-9 <= value <= self.range[1] + 1e-9

    def resampled(self, gold: Side, predictions: Sequence[Side], weights: Array) -> Array:
        """The values [R, K] on items drawn as often as the weights [R, N] say."""
        if self.drawn is not None:
            return self.drawn(gold, predictions, weights)
        rows = [np.repeat(np.arange(weights.shape[1]), row.astype(np.int64)) for row in weights]
        return np.array([[self.value(_at(gold, row), _at(made, row)) for made in predictions] for row in rows])


def _at(side: Side, rows: Array) -> Side:
    """Some of the items of a side: an array, a list, or what has a method `at`."""
    if hasattr(side, "at"):
        return side.at(rows.tolist())
    return side[rows] if isinstance(side, np.ndarray) else [side[row] for row in rows]


def of_counts(
    name: str,
    kind: str,
    counts: Callable[[Side, Side], Array],
    value: Callable[[Array], Array],
    **more: Any,
) -> Metric:
    """A metric of sums over items: `counts` gives each item's [N, D], and `value` the metric of sums [..., D]."""

    def whole(gold: Side, made: Side) -> float:
        return float(value(counts(gold, made).sum(axis=0)))

    def drawn(gold: Side, predictions: Sequence[Side], weights: Array) -> Array:
        return np.stack([value(weights @ counts(gold, made)) for made in predictions], axis=1)

    return Metric(name, kind, whole, drawn=drawn, **more)


def ratio(above: Array, below: Array) -> Array:
    """A quotient, 0 where it is undefined."""
    quotient: Array = np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0)
    return quotient


def share(counts: Array) -> Array:
    """Of [..., 2], hits and all."""
    return ratio(counts[..., 0], counts[..., 1])


def f1_of(counts: Array) -> Array:
    """Of [..., 3]: hits, predictions and gold labels."""
    return ratio(2 * counts[..., 0], counts[..., 1] + counts[..., 2])


def hits(met: Array) -> Array:
    """Counts [N, 2] of which items are met [N]."""
    return np.stack([met, np.ones_like(met)], axis=1).astype(np.float64)
