"""Mean score against each cost, a panel per group and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from zoo.document import Axis, Chart, Panel, Point, Series
from zoo.experiments.board.records import Row
from zoo.experiments.report.plots import LEAST_SPAN

MOST_LABELLED = 12
"""Systems whose names stand beside their points; of more, families are told apart."""


def cost_chart(groups: Mapping[str, Sequence[Row]], costs: Sequence[str]) -> Chart | None:
    """The chart; None if no system has both a mean and a cost."""
    drawn = [row for rows in groups.values() for row in rows if row.mean is not None and row.costs]
    labelled = len(drawn) <= MOST_LABELLED
    names = tuple(dict.fromkeys(row.system if labelled else row.family for row in drawn))
    panels = tuple(
        Panel(
            f"group {label}" if len(groups) > 1 else "",
            series,
            Axis(cost, from_zero=True),
            Axis("mean x 100", least_span=LEAST_SPAN),
        )
        for cost in costs
        for label, rows in groups.items()
        if (series := tuple(_series(names, rows, cost, labelled=labelled)))
    )
    return Chart(panels, names, labelled) if panels else None


def _series(names: Sequence[str], rows: Sequence[Row], cost: str, *, labelled: bool) -> Iterator[Series]:
    for name in names:
        points = tuple(
            Point(row.costs[cost], 100 * row.mean, label=row.system)
            for row in rows
            if name == (row.system if labelled else row.family) and cost in row.costs and row.mean is not None
        )
        if points:
            yield Series(name, points)
