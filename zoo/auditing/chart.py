"""Parameters by component, as a chart: embedding against encoder, variants beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoo.auditing.audit import Audit
from zoo.auditing.breakdown import WHOLE, Row
from zoo.document import Axis, Chart, Panel, Point, Series

OTHER = "heads and other"

LOOKS: dict[str, tuple[int | None, int]] = {
    "token": (0, 0),
    "position": (0, 1),
    "segment": (0, 2),
    "embedding norms": (0, 3),
    "projection": (0, 4),
    "embedding, whole": (0, 0),
    "attention": (1, 0),
    "ffn": (1, 2),
    "norms": (1, 4),
    "encoder, whole": (1, 0),
    "pooler": (None, 0),
    OTHER: (None, 2),
}
"""Color and tint: embedding in one color, encoder in another; a part that states no formula is drawn whole."""

TITLE = "Stored parameters by component"


def chart(audits: Sequence[Audit]) -> Chart:
    """Stored parameters by component: in millions, and as shares. An audit of a file alone knows no components."""
    audits = [audit for audit in audits if audit.breakdown]
    sums = [_sums(audit) for audit in audits]
    names = tuple(name for name in LOOKS if any(found[name] for found in sums))
    rows = tuple(audit.name for audit in audits)
    millions = [{name: n / 1e6 for name, n in found.items()} for found in sums]
    shares = [{name: 100 * n / sum(found.values()) for name, n in found.items()} for found in sums]
    panels = (
        Panel("", tuple(_bars(names, of_each)), Axis(label, from_zero=True), rows=rows)
        for label, of_each in (("parameters stored, millions", millions), ("share of all stored, %", shares))
    )
    return Chart(tuple(panels), names)


def _bars(names: Sequence[str], of_each: Sequence[dict[str, float]]) -> Iterator[Series]:
    """A series per component, each bar beginning where the one before it ends."""
    ends = [0.0] * len(of_each)
    for name in names:
        starts, ends = ends, [end + found[name] for end, found in zip(ends, of_each, strict=True)]
        points = tuple(
            Point(end - start, row, x_range=(start, end))
            for row, (start, end) in enumerate(zip(starts, ends, strict=True))
            if end > start
        )
        color, tint = LOOKS[name]
        yield Series(name, points, "bars", color, tint)


def _sums(audit: Audit) -> dict[str, int]:
    sums = dict.fromkeys(LOOKS, 0)
    for row in audit.breakdown:
        name = _name(row)
        sums[name if name in sums else OTHER] += row.stored
    return sums


def _name(row: Row) -> str:
    if row.component == WHOLE:
        return f"{row.kind}, whole"
    return "embedding norms" if (row.kind, row.component) == ("embedding", "norms") else row.component
