"""Sections on costs, and scores against costs."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.document import MISSING, Axis, Chart, Figure, Notes, Panel, Point, Section, Series, Table
from zoo.experiments.report.plots import LEAST_SPAN
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.results.scored import ScoredRun
from zoo.experiments.statistics.costs import (
    LATENCY,
    MEMORY,
    OPERATIONS,
    PARAMETERS,
    SIZE,
    Quantity,
    hardware,
    quantities,
    withheld,
)  # fmt: skip
from zoo.experiments.statistics.draft import MEAN
from zoo.experiments.statistics.standing import Standing
from zoo.experiments.statistics.tests import EQUIVALENT
from zoo.experiments.statistics.verdicts import Comparisons

AGAINST = (PARAMETERS, SIZE, OPERATIONS, LATENCY, MEMORY)

NOTE = (
    "Beaten: another variant is significantly better and costs no more, or costs less and is better or equivalent. "
    "Measured costs count as different only beyond their spread and 5%."
)


def costs_section(run: ComparisonRun) -> Section:
    """A row per variant, a column per cost."""
    machines = hardware(run)
    lines = [f"Times and memory were measured on {machines[0]}."] if len(machines) == 1 else []
    if len(machines) > 1:
        what = "withheld, as they were" if withheld(run) else "compared on request, although they were"
        lines.append(f"Times and memory are {what} measured on different machines: {'; '.join(machines)}.")
    return Section("costs", "Costs", (cost_table(run), *([Notes(tuple(lines))] if lines else [])), brief=True)


def pareto_section(run: ComparisonRun, comparisons: Comparisons) -> Section | None:
    """Which variants another beats in score and cost; None if no variant has both."""
    found = scored_costs(run, comparisons)
    if not found:
        return None
    title = "Score with its 95% interval against cost; hollow: beaten by another variant"
    figure = Figure(title, cost_chart(run, comparisons, found), beaten_table(run, comparisons, found))
    return Section("pareto", "Scores against costs", (figure, Notes((NOTE,))))


def cost_table(run: ComparisonRun) -> Table:
    """A row per variant, a column per cost that is known of any."""
    known = [quantity for quantity in quantities(run) if quantity.texts]
    names = [variant.name for variant in run.plan.variants]
    rows = tuple((name, *(quantity.texts.get(name, MISSING) for quantity in known)) for name in names)
    return Table(("variant", *(quantity.label for quantity in known)), rows)


def scored_costs(run: ComparisonRun, comparisons: Comparisons) -> list[Quantity]:
    """The costs that are known of a variant with a score on every task."""
    scored = [name for name in run.plan.names if name in comparisons.main_standings]
    by_label = {quantity.label: quantity for quantity in quantities(run)}
    known = [by_label[label] for label in AGAINST if label in by_label]
    return [quantity for quantity in known if any(name in quantity.values for name in scored)]


def beaten(quantity: Quantity, comparisons: Comparisons) -> dict[str, list[str]]:
    """By variant, those that beat it in score and this cost: better and no dearer, or cheaper and shown as good."""
    verdicts = {d.winner_first: d.verdict for d in comparisons.main}
    found: dict[str, list[str]] = {}
    for name in quantity.values:
        for other in quantity.values:
            better = verdicts.get((other, name)) == "better" and not quantity.is_less(name, other)
            equal = EQUIVALENT in (verdicts.get((other, name)), verdicts.get((name, other)))
            if name != other and (better or (equal and quantity.is_less(other, name))):
                found.setdefault(name, []).append(other)
    return found


def beaten_table(run: ComparisonRun, comparisons: Comparisons, costs: Sequence[Quantity]) -> Table:
    """A row per variant: for each cost, the variants that beat it."""
    by_label = {quantity.label: beaten(quantity, comparisons) for quantity in costs}

    def cell(quantity: Quantity, name: str) -> str:
        if name not in quantity.values or name not in comparisons.main_standings:
            return MISSING
        others = by_label[quantity.label].get(name)
        return f"beaten by {', '.join(others)}" if others else "not beaten"

    rows = tuple((name, *(cell(quantity, name) for quantity in costs)) for name in run.plan.names)
    labels = tuple(quantity.label for quantity in costs)
    return Table(("variant", *labels), rows, words=frozenset(labels))


def cost_chart(run: ScoredRun, comparisons: Comparisons, costs: Sequence[Quantity]) -> Chart:
    """A panel per cost, with the best baseline as a line."""
    standings, names = comparisons.main_standings, run.plan.names
    floor = sorted(((standings[name].mean, name) for name in run.plan.baselines if name in standings), reverse=True)
    lines = {name: 100 * mean for mean, name in floor[:1]}
    label = "mean score x 100" if comparisons.decisive == MEAN else "score x 100"
    panels = []
    for quantity in costs:
        losers = beaten(quantity, comparisons)
        series = tuple(
            Series(name, (_point(quantity, name, standings[name], name in losers),))
            for name in names
            if name in quantity.values and name in standings
        )
        axes = Axis(quantity.label, from_zero=True), Axis(label, least_span=LEAST_SPAN)
        panels.append(Panel("", series, *axes, y_lines=lines))
    return Chart(tuple(panels), names, labelled=True)


def _point(quantity: Quantity, name: str, score: Standing, loses: bool) -> Point:
    ends = None if score.low is None or score.high is None else (100 * score.low, 100 * score.high)
    place = quantity.values[name], 100 * score.mean
    return Point(*place, quantity.ranges.get(name), ends, mark="hollow" if loses else "full")
