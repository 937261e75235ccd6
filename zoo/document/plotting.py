"""One style for all charts; names in them are text, whatever they hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from math import ceil
from typing import TYPE_CHECKING, Any

from zoo.core.errors import ZooError, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.0
"""Inches."""

N_COLORS = 10
MARKERS = "osD^v"
LINES = ("-", "--", ":", "-.")
GREY = "#9aa3ad"
LONGEST = 60
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
    name = visible(name)
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[1 - LONGEST // 2 :]}"


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the zoo's style for a while. Raises ZooError if matplotlib is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise ZooError("charts need matplotlib; install it with: pip install encoder-zoo[plots]") from error
    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        # A page's reader has letters that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def svg(draw: Callable[[], Figure]) -> str:
    """A figure as an element of a page, the same bytes for the same figure. Raises ZooError without matplotlib."""
    text = StringIO()
    with styled():
        draw().savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return text.getvalue()[text.getvalue().index("<svg") :]
