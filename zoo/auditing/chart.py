"""Where the parameters are, as a chart: embedding against encoder, variants beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.auditing.audit import Audit
from zoo.auditing.breakdown import WHOLE, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {
    "token": "#1f4e79",
    "position": "#3d85c6",
    "segment": "#6fa8dc",
    "embedding norms": "#a4c8ea",
    "projection": "#cfe2f3",
    "embedding, whole": "#5b7fb5",
    "attention": "#b45309",
    "ffn": "#f59e0b",
    "norms": "#fcd34d",
    "encoder, whole": "#d97706",
    "pooler": "#6b7280",
    "heads and other": "#b6bcc6",
}
"""Embedding in blues, encoder in oranges; a part that states no formula is drawn whole."""


def draw(audits: Sequence[Audit]) -> Figure:
    """Stored parameters by component: in millions, and as shares."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.6 + 0.42 * len(audits)), layout="constrained")
    absolute, shares = figure.subplots(1, 2, sharey=True)
    _bars(absolute, audits, share=False)
    _bars(shares, audits, share=True)
    absolute.set_xlabel("parameters stored, millions")
    shares.set_xlabel("share of all stored, %")
    absolute.invert_yaxis()
    handles, labels = absolute.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, frameon=False)
    return figure


def _bars(axes: Axes, audits: Sequence[Audit], *, share: bool) -> None:
    names = [audit.name for audit in audits]
    left = [0.0] * len(audits)
    sums = [_sums(audit) for audit in audits]
    for component, color in COLORS.items():
        if not any(s[component] for s in sums):
            continue
        widths = [100 * s[component] / sum(s.values()) if share else s[component] / 1e6 for s in sums]
        axes.barh(names, widths, left=left, color=color, label=component, height=0.7)
        left = [start + width for start, width in zip(left, widths, strict=True)]


def _sums(audit: Audit) -> dict[str, int]:
    sums = dict.fromkeys(COLORS, 0)
    for row in audit.breakdown:
        name = _name(row)
        sums[name if name in sums else "heads and other"] += row.stored
    return sums


def _name(row: Row) -> str:
    if row.component == WHOLE:
        return f"{row.kind}, whole"
    return "embedding norms" if (row.kind, row.component) == ("embedding", "norms") else row.component
