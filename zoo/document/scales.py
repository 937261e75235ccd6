"""From values to places on a drawing, with round numbers for the ticks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from zoo.document.charts import Axis, Range

ROOM = 0.06
"""The part of an axis that is left free at each end."""

LOGARITHMIC = 30.0
"""From this ratio on, an axis that would start at 0 is logarithmic."""

LEAST_RATIO = 3.0
"""Of smaller ratios, a logarithmic axis shows no more than a linear one, and has fewer ticks."""


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value."""
        low, high, at = (map(log10, (self.low, self.high, value))) if self.logarithmic else (self.low, self.high, value)
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values inside, at most about so many."""
        if self.logarithmic:
            return _decades(self.low, self.high, most)
        step = _round_step((self.high - self.low) / most)
        first = ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, floor(self.high / step + 1e-9) + 1)]


def scale(axis: Axis, values: Iterable[float], start: float, end: float) -> Scale:
    """A scale that shows all of the finite values."""
    known = [value for value in values if isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    if axis.logarithmic and 0 < LEAST_RATIO * low <= high:
        room = (high / low) ** ROOM
        return Scale(low / room, high * room, start, end, logarithmic=True)
    if axis.from_zero and low >= 0:
        if low > 0 and high / low >= LOGARITHMIC:
            return Scale(low / 1.5, high * 1.5, start, end, logarithmic=True)
        return Scale(0.0, (high or 1.0) * (1 + 2 * ROOM), start, end)
    low, high = _widened(low, high, axis.least_span)
    room = ROOM * (high - low)
    return Scale(low - room, high + room, start, end)


def _widened(low: float, high: float, least_span: float) -> Range:
    """The same middle, and at least such a span; one value alone gets a span too."""
    middle, span = (low + high) / 2, max(high - low, least_span, abs(high) * 1e-3) or 1.0
    return middle - span / 2, middle + span / 2


def _round_step(least: float) -> float:
    power = 10.0 ** floor(log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def _decades(low: float, high: float, most: int) -> list[float]:
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]
        if len(ticks) <= most:
            break
    return ticks
