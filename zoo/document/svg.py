"""Charts as SVG: colors come from chart.css, so that a drawing follows light, dark and paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from math import ceil
from pathlib import Path

from zoo.core.errors import visible
from zoo.document.charts import Chart, Panel, Point, Series, described, number, spoken
from zoo.document.labels import Box, placed, text_width
from zoo.document.scales import Scale, scale

STYLE = Path(__file__).with_name("chart.css")

WIDTH = 360
"""Units of a panel, which are pixels where it is drawn at its own size: a telephone shows one beside another."""

HEIGHT, ROW = 230, 22
TOP, TITLE, BOTTOM, LEFT, RIGHT = 8, 16, 40, 46, 14
MOST_LABEL = 165
"""Units of the name of a row; a longer one is cut, and a pointer shows the whole."""

BESIDE = 6
"""Units between the intervals of two series at one place."""

MOST_NAMED = 12
"""Of more points, the hollow ones have no names beside them."""

N_COLORS, N_SHAPES, N_DASHES = 5, 6, 4
"""Without a common divisor of colors and the others, so that no two of the first 20 series look alike."""

GREY = "base"


def panels(chart: Chart, title: str) -> list[str]:
    """Each panel as an element of a page."""
    return [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {_height(panel)}" role="img" '
        f'aria-label="{escape(described(Chart((panel,)), title))}">{_inside(chart, panel)}</svg>'
        for panel in chart.panels
    ]


def standalone(chart: Chart, title: str, columns: int = 2) -> str:
    """All panels as the text of an SVG file, with the legend below."""
    columns = min(columns, len(chart.panels))
    rows = [chart.panels[at : at + columns] for at in range(0, len(chart.panels), columns)]
    body, y = "", 0
    for row in rows:
        for column, panel in enumerate(row):
            body += f'<g transform="translate({column * WIDTH} {y})">{_inside(chart, panel)}</g>'
        y += max(map(_height, row)) + 8
    legend, height = _legend_rows(chart, columns * WIDTH)
    body += f'<g transform="translate(0 {y})">{legend}</g>'
    style = STYLE.read_text(encoding="utf-8")
    size = f'viewBox="0 0 {columns * WIDTH} {y + height}" width="{columns * WIDTH}" height="{y + height}"'
    alt = escape(described(chart, title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="zoo chart" {size} role="img" aria-label="{alt}">'
        f'<style>{style}</style><rect class="paper" width="100%" height="100%"/>{body}</svg>\n'
    )


def swatch(chart: Chart, name: str) -> str:
    """The look of a series, 26 by 12 units."""
    series = [series for panel in chart.panels for series in panel.series if series.name == name]
    glyphs = {one.glyph for one in series}
    place = chart.place(name)
    parts: list[str] = []
    if "bars" in glyphs:
        parts.append('<rect class="bar" x="4" y="1" width="18" height="10"/>')
    if "line" in glyphs:
        parts.append(f'<path class="line {_dash(place)}" d="M1 6H25"/>')
    if glyphs & {"dots", "ticks"}:
        parts.append(_mark(13, 6, place, "full"))
    return f'<g class="{look(place, *series[:1])}">{"".join(parts)}</g>'


def look(place: int | None, series: Series | None = None) -> str:
    """The class with the color of the series in this place."""
    if series and series.glyph == "bars":
        return f"{GREY if series.color is None else f's{series.color}'} t{series.tint}"
    return GREY if place is None else f"s{place % N_COLORS}"


def _height(panel: Panel) -> int:
    return _top(panel) + BOTTOM + ROW * len(panel.rows) if panel.rows else HEIGHT


def _top(panel: Panel) -> int:
    return TOP + (TITLE if panel.title else 0)


def _inside(chart: Chart, panel: Panel) -> str:
    labels = [min(text_width(row), MOST_LABEL) for row in panel.rows]
    left = 12 + max(labels, default=LEFT - 12)
    top, bottom = _top(panel), _height(panel) - BOTTOM
    xs = [x for p in panel.points for x in (p.x, *(p.x_range or ()))]
    ys = [y for p in panel.points for y in (p.y, *(p.y_range or ()))]
    xs += [] if panel.x_line is None else [panel.x_line]
    ys += panel.y_lines.values()
    x = scale(panel.x, xs, left, WIDTH - RIGHT)
    y = Scale(-0.5, len(panel.rows) - 0.5, top, bottom) if panel.rows else scale(panel.y, ys, bottom, top)
    parts = [*_axes(panel, x, y), *_comparisons(panel, x, y)]
    beside = {} if chart.labelled else _beside(chart, panel)
    for series in panel.series:
        shift = beside.get(series.name, 0.0)
        moved = replace(x, start=x.start + shift, end=x.end + shift)
        parts += _series(chart, panel, series, moved, y)
    return "".join([*parts, *(_names(chart, panel, x, y) if chart.labelled else ())])


def _beside(chart: Chart, panel: Panel) -> dict[str, float]:
    """By series, units to move it by, so that intervals at one place stand beside each other; none if they differ."""
    places = {s.name: {point.x for point in s.points if point.y_range} for s in panel.series if s.name in chart.names}
    drawn = [name for name, xs in places.items() if xs]
    if sum(map(len, places.values())) == len(set().union(*places.values())):
        return {}
    return {name: BESIDE * (order - (len(drawn) - 1) / 2) for order, name in enumerate(drawn)}


def _axes(panel: Panel, x: Scale, y: Scale) -> Iterator[str]:
    top, bottom = min(y.start, y.end), max(y.start, y.end)
    if panel.title:
        yield _text(x.start, 13, panel.title, "title", most=WIDTH - x.start)
    for tick in x.ticks():
        at = x(tick)
        yield f'<path class="grid" d="M{at:.1f} {top}V{bottom}"/>'
        yield _text(at, bottom + 14, number(tick), "tick middle")
    yield _text((x.start + x.end) / 2, bottom + 31, panel.x.label, "label middle", most=x.end - x.start + 40)
    if panel.rows:
        for place, row in enumerate(panel.rows):
            yield _text(x.start - 8, y(place) + 4, row, "row end", most=MOST_LABEL)
        return
    for tick in y.ticks():
        yield f'<path class="grid" d="M{x.start} {y(tick):.1f}H{x.end}"/>'
        yield _text(x.start - 6, y(tick) + 4, number(tick), "tick end")
    middle = (top + bottom) / 2
    yield f'<g transform="rotate(-90 11 {middle})">{_text(11, middle, panel.y.label, "label middle", most=190)}</g>'


def _comparisons(panel: Panel, x: Scale, y: Scale) -> Iterator[str]:
    if panel.x_line is not None:
        yield f'<path class="compare" d="M{x(panel.x_line):.1f} {y.start}V{y.end}"/>'
    for name, value in panel.y_lines.items():
        yield f'<path class="compare" d="M{x.start} {y(value):.1f}H{x.end}"/>'
        begun = x.start + 8 + min(text_width(name), MOST_LABEL)
        taken = any(x(p.x) < begun and abs(y(p.y) - y(value)) < 2 * TITLE for p in panel.points)
        place, kind = (x.end - 4, "tick end") if taken else (x.start + 4, "tick")
        yield _text(place, y(value) - 4, name, kind, most=MOST_LABEL)
    if panel.diagonal:
        low, high = max(x.low, y.low), min(x.high, y.high)
        yield f'<path class="compare" d="M{x(low):.1f} {y(low):.1f}L{x(high):.1f} {y(high):.1f}"/>'


def _series(chart: Chart, panel: Panel, series: Series, x: Scale, y: Scale) -> Iterator[str]:
    place = chart.place(series.name)
    yield f'<g class="{look(place, series)}">'
    if series.glyph == "line" and series.points:
        steps = "L".join(f"{x(p.x):.1f} {y(p.y):.1f}" for p in series.points)
        yield f'<path class="line {_dash(place)}" d="M{steps}"><title>{escape(visible(series.name))}</title></path>'
    for point in series.points:
        shown = _point(series, point, place, x, y)
        said = f"{point.label or series.name}: {spoken(panel, point)}"
        yield f"<g>{shown}<title>{escape(visible(said))}</title></g>" if shown else ""
    yield "</g>"


def _point(series: Series, point: Point, place: int | None, x: Scale, y: Scale) -> str:
    at_x, at_y = x(point.x), y(point.y)
    if series.glyph == "bars":
        low, high = (x(end) for end in point.x_range or (0.0, point.x))
        return f'<rect class="bar" x="{low:.1f}" y="{at_y - 8:.1f}" width="{max(0.0, high - low):.1f}" height="16"/>'
    parts = []
    if point.x_range:
        parts.append(f'<path class="range" d="M{x(point.x_range[0]):.1f} {at_y:.1f}H{x(point.x_range[1]):.1f}"/>')
    if point.y_range:
        parts.append(f'<path class="range" d="M{at_x:.1f} {y(point.y_range[0]):.1f}V{y(point.y_range[1]):.1f}"/>')
    if series.glyph == "ticks":
        parts.append(f'<path class="mean" d="M{at_x:.1f} {at_y - 7:.1f}V{at_y + 7:.1f}"/>')
    if series.glyph == "dots":
        parts.append(_mark(at_x, at_y, place, point.mark))
    return "".join(parts)


def _mark(x: float, y: float, place: int | None, mark: str) -> str:
    """A dot of the shape of this place; a cross is a cross in any place."""
    if mark == "cross":
        return f'<path class="cross" d="M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m0-7l-7 7"/>'
    shape = 0 if place is None else place % N_SHAPES
    kind = "dot hollow" if mark == "hollow" else "dot"
    if shape == 0:
        return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    outline = ("", "m-3.6-3.6h7.2v7.2h-7.2z", "m0-5l5 5l-5 5l-5-5z", "m0-4.8l4.8 8.2h-9.6z", "m0 4.8l-4.8-8.2h9.6z",
               "m-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z")[shape]  # fmt: skip
    return f'<path class="{kind}" d="M{x:.1f} {y:.1f}{outline}"/>'


def _dash(place: int | None) -> str:
    return f"d{(place or 0) % N_DASHES}"


def _names(chart: Chart, panel: Panel, x: Scale, y: Scale) -> Iterator[str]:
    """Names beside the points where no other name or point is in the way; those of hollow points come last."""
    room = Box(x.start, min(y.start, y.end), x.end + RIGHT, max(y.start, y.end))
    points = [(series, point) for series in panel.series for point in series.points]
    if len(points) > MOST_NAMED:
        points = [(series, point) for series, point in points if point.mark != "hollow"]
    points.sort(key=lambda one: one[1].mark == "hollow")
    names = [(series.name, x(point.x), y(point.y)) for series, point in points]
    for (series, _), label in zip(points, placed(names, room), strict=True):
        if label:
            kind = f"name {label.anchor} {look(chart.place(series.name))}"
            yield _text(label.x, label.y, series.name, kind, most=MOST_LABEL)


def _legend_rows(chart: Chart, width: float) -> tuple[str, int]:
    """The legend of a file, wrapped, and its height."""
    if not chart.legend:
        return "", 0
    body, x, y = "", 12.0, 0
    for name in chart.legend:
        needed = 40 + min(text_width(name), 2 * MOST_LABEL)
        if x + needed > width and x > 12:
            x, y = 12.0, y + 20
        body += f'<g transform="translate({x:.1f} {y + 2})">{swatch(chart, name)}</g>'
        body += _text(x + 31, y + 12, name, "row", most=2 * MOST_LABEL)
        x += needed
    return body, y + 24


def _text(x: float, y: float, text: str, kind: str, most: float = WIDTH) -> str:
    """A text; one that is too long is cut in the middle, and a pointer shows the whole."""
    text = visible(text)
    keep = max(3, int(most / text_width("n")))
    if text_width(text) <= most or len(text) <= keep:
        return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
    short = f"{text[: ceil(keep / 2) - 1]}…{text[-(keep // 2) :]}"
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(short)}<title>{escape(text)}</title></text>'
