"""What a chart shows: panels of series of points; `zoo.document.svg` draws it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from zoo.core.errors import visible

Range: TypeAlias = tuple[float, float]
Glyph: TypeAlias = Literal["dots", "line", "ticks", "bars"]
Mark: TypeAlias = Literal["full", "hollow", "cross"]

MOST_SPOKEN = 12
"""Points that an alternative text reads out one by one; of more, it gives the range."""


@dataclass(frozen=True)
class Point:
    """A place, with intervals; `label` is what a pointer shows beside the values."""

    x: float
    y: float
    x_range: Range | None = None
    y_range: Range | None = None
    mark: Mark = "full"
    label: str = ""


@dataclass(frozen=True)
class Series:
    """Points of one look: dots, a line through them, ticks across a row, or bars along `x_range`.

    Its color and shape go by the place of its name among the chart's names; one that is not among them is grey. With
    `color`, a bar has that place's color instead, the paler the higher its `tint`, 0 to 4.
    """

    name: str
    points: tuple[Point, ...]
    glyph: Glyph = "dots"
    color: int | None = None
    tint: int = 0


@dataclass(frozen=True)
class Axis:
    """An axis: what it counts, in which unit.

    `from_zero` starts it at 0, unless the values differ by so much that it is logarithmic; `logarithmic` makes it so
    where they differ by a factor of 3. `least_span` keeps noise small: the axis is at least so long.
    """

    label: str
    from_zero: bool = False
    least_span: float = 0.0
    logarithmic: bool = False


@dataclass(frozen=True)
class Panel:
    """A pair of axes. With `rows`, y counts these from the top, and `y` is not used.

    `x_line` is a value to compare with, `y_lines` some by name; `diagonal` is where both axes are equal.
    """

    title: str
    series: tuple[Series, ...]
    x: Axis
    y: Axis = Axis("")
    rows: tuple[str, ...] = ()
    x_line: float | None = None
    y_lines: Mapping[str, float] = field(default_factory=dict)
    diagonal: bool = False

    @property
    def points(self) -> Iterator[Point]:
        """The points of all series."""
        return (point for series in self.series for point in series.points)


@dataclass(frozen=True)
class Chart:
    """Panels with a common legend of `names`; with `labelled`, names are written beside their points instead."""

    panels: tuple[Panel, ...]
    names: tuple[str, ...] = ()
    labelled: bool = False

    @property
    def legend(self) -> tuple[str, ...]:
        """The names that have points; none where points are labelled."""
        seen = {series.name for panel in self.panels for series in panel.series if series.points}
        return () if self.labelled else tuple(name for name in self.names if name in seen)

    def place(self, name: str) -> int | None:
        """The place of a series among the names, which decides its look; None for grey."""
        return self.names.index(name) if name in self.names else None


def described(chart: Chart, title: str) -> str:
    """The alternative text: axes, and the values or their ranges."""
    return " ".join([f"{visible(title)}.", *(_panel(panel) for panel in chart.panels)])


def number(value: float) -> str:
    """A value in a few characters: 516k, 2.5, 0.03."""
    if value == 0:
        return "0"
    size = abs(value)
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            scale = 1e3 if unit == "k" else limit
            return f"{value / scale:.4g}{unit}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.3g}"


def _panel(panel: Panel) -> str:
    title = f"{visible(panel.title)}: " if panel.title else ""
    axes = panel.x.label if panel.rows else f"{panel.y.label} against {panel.x.label}"
    shown = [_series(panel, series) for series in panel.series if series.points]
    shown += [f"line at {number(value)}: {visible(name)}" for name, value in panel.y_lines.items()]
    return f"{title}{axes}. {'; '.join(shown)}."


def _series(panel: Panel, series: Series) -> str:
    points, name = series.points, visible(series.name)
    if len(points) > MOST_SPOKEN:
        (left, right), (low, high) = (_ends([p.x for p in points]), _ends([p.y for p in points]))
        if panel.rows:
            return f"{name}: {len(points)} points from {left} to {right}"
        return f"{name}: {len(points)} points, x from {left} to {right}, y from {low} to {high}"
    return f"{name}: {', '.join(spoken(panel, point) for point in points)}"


def spoken(panel: Panel, point: Point) -> str:
    """A point in words."""
    x, y = _value(point.x, point.x_range), _value(point.y, point.y_range)
    if panel.rows:
        return f"{visible(panel.rows[round(point.y)])} {x}"
    return f"{y} at {x}"


def _value(value: float, ends: Range | None) -> str:
    return number(value) + (f" ({number(ends[0])} to {number(ends[1])})" if ends else "")


def _ends(values: Sequence[float]) -> tuple[str, str]:
    return number(min(values)), number(max(values))
