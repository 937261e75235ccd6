"""Sections on costs, and scores against costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.document import MISSING, Figure, Notes, Section, Table
from zoo.experiments.report.scores import averages
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.costs import LATENCY, MEMORY, OPERATIONS, PARAMETERS, hardware, quantities, withheld
from zoo.experiments.statistics.verdicts import Comparisons

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

AGAINST = (PARAMETERS, OPERATIONS, LATENCY, MEMORY)

Points = Mapping[str, tuple[float, float]]
"""Cost and score by name."""


def costs_section(run: ComparisonRun) -> Section:
    """A row per variant, a column per cost."""
    machines = hardware(run)
    lines = [f"Times and memory were measured on {machines[0]}."] if len(machines) == 1 else []
    if len(machines) > 1:
        what = "withheld, as they were" if withheld(run) else "compared on request, though they were"
        lines.append(f"Times and memory are {what} measured on different machines: {'; '.join(machines)}.")
    return Section("costs", "Costs", (cost_table(run), *([Notes(tuple(lines))] if lines else [])), brief=True)


def pareto_section(run: ComparisonRun, comparisons: Comparisons) -> Section | None:
    """Which variants another beats at both score and cost; None if no variant has both."""
    fronts = score_by_cost(run, comparisons)
    if not fronts:
        return None
    title = "Mean score against cost; hollow: another variant is as cheap and as good"
    return Section(
        "pareto", "Scores against costs", (Figure(title, lambda: _drawn(run, fronts), _as_table(run, fronts)),)
    )


def cost_table(run: ComparisonRun) -> Table:
    """A row per variant, a column per cost that is known of any."""
    known = [quantity for quantity in quantities(run) if quantity.texts]
    names = [variant.name for variant in run.plan.variants]
    rows = tuple((name, *(quantity.texts.get(name, MISSING) for quantity in known)) for name in names)
    return Table(("variant", *(quantity.label for quantity in known)), rows)


def dominated(points: Points) -> set[str]:
    """The dominated ones: another is at least as good in cost and score, and better in one."""
    return {
        name
        for name, (cost, score) in points.items()
        if any(
            other_cost <= cost and other >= score and (other_cost, other) != (cost, score)
            for other_cost, other in points.values()
        )
    }


def score_by_cost(run: ComparisonRun, comparisons: Comparisons) -> dict[str, Points]:
    """By cost, each variant's cost and mean score, without variants that lack a task."""
    plan = run.plan
    of = averages(comparisons, [variant.name for variant in plan.variants], plan.averaged)
    means = {name: average.mean for name, average in of.items()}
    known = {quantity.label: quantity.values for quantity in quantities(run) if quantity.label in AGAINST}
    points = {
        label: {name: (values[name], mean) for name, mean in means.items() if mean is not None and name in values}
        for label in AGAINST
        if (values := known.get(label))
    }
    return {label: of_each for label, of_each in points.items() if of_each}


def _as_table(run: ComparisonRun, fronts: Mapping[str, Points]) -> Table:
    """A row per variant: for each cost, whether another one is as cheap and as good."""
    beaten = {label: dominated(points) for label, points in fronts.items()}
    rows = tuple(
        (
            variant.name,
            *(
                ("beaten" if variant.name in beaten[label] else "not beaten") if variant.name in points else MISSING
                for label, points in fronts.items()
            ),
        )
        for variant in run.plan.variants
    )
    return Table(("variant", *fronts), rows)


def _drawn(run: ComparisonRun, fronts: Mapping[str, Points]) -> Drawing:
    """A panel per cost; the variants are numbered, and hollow where beaten."""
    from matplotlib.ticker import EngFormatter

    from zoo.document.plotting import grid, key, style

    figure, panels = grid(len(fronts), columns=2, height=2.6)
    names = [variant.name for variant in run.plan.variants]
    for axes, (label, points) in zip(panels, fronts.items(), strict=True):
        beaten = dominated(points)
        for name, (cost, score) in points.items():
            index = names.index(name)
            axes.plot(cost, 100 * score, **style(index), fillstyle="none" if name in beaten else "full")
            axes.annotate(f"{index + 1}", (cost, 100 * score), xytext=(5, 4), textcoords="offset points")
        axes.margins(0.15)
        axes.locator_params(axis="x", nbins=5)
        if label == PARAMETERS:
            axes.xaxis.set_major_formatter(EngFormatter())
        axes.set_xlabel(label)
        axes.set_ylabel("mean score x 100")
    key(figure, names, style)
    return figure
