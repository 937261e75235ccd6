"""What the charts of a run have in common; names in them are text, whatever they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from math import ceil
from typing import TYPE_CHECKING, Any

from zoo.tables import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.0
"""Inches."""

N_COLORS = 10
MARKERS = "osD^v"
LINES = ("-", "--", ":", "-.")
GREY = "#9aa3ad"
LONGEST = 30
"""Characters of a name; the tables hold the whole of it."""

LINE = 120
"""Characters that fit beside each other."""

SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "zoo",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    # "$" in a name would be read as mathematics.
    "text.parse_math": False,
}


def grid(n: int, *, columns: int, height: float, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, at most so many beside each other, each so many inches high."""
    from matplotlib.figure import Figure

    columns = min(columns, n)
    rows = ceil(n / columns)
    figure = Figure(figsize=(WIDTH, rows * height), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharey=share_y).flat)
    for empty in panels[n:]:
        empty.set_axis_off()
    return figure, panels[:n]


def style(index: int) -> dict[str, Any]:
    """Color and marker of the variant in this place."""
    marker = MARKERS[index // N_COLORS % len(MARKERS)]
    return {"color": f"C{index % N_COLORS}", "marker": marker, "linestyle": "none"}


def stroke(index: int) -> dict[str, Any]:
    """Color and dashes of the variant in this place."""
    return {"color": f"C{index % N_COLORS}", "linestyle": LINES[index // N_COLORS % len(LINES)]}


def key(figure: Figure, names: Sequence[str], look: Callable[[int], dict[str, Any]]) -> None:
    """Under the figure, the numbers of the variants and what they look like."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **look(index)) for index in range(len(names))]
    labels = [f"{number} {short(name)}" for number, name in enumerate(names, 1)]
    columns = min(len(names), LINE // (max(map(len, labels)) + 8))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def short(name: str) -> str:
    """A name that fits beside an axis."""
    name = printable(name)
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[1 - LONGEST // 2 :]}"


def svg(figure: Figure) -> str:
    """The figure as an element of a page, the same bytes for the same figure."""
    text = StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return text.getvalue()[text.getvalue().index("<svg") :]
