"""Scores against costs: which variants another beats at both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.experiments.report.verdict_tables import averages
from zoo.experiments.results.records import Run
from zoo.experiments.statistics.costs import LATENCY, MEMORY, OPERATIONS, PARAMETERS, quantities
from zoo.experiments.statistics.verdicts import Verdicts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AGAINST = (PARAMETERS, OPERATIONS, LATENCY, MEMORY)


def dominated(points: Mapping[str, tuple[float, float]]) -> set[str]:
    """Of costs and scores by name, those than which another is as good in both, and in one better."""
    return {
        name
        for name, (cost, score) in points.items()
        if any(
            other_cost <= cost and other >= score and (other_cost, other) != (cost, score)
            for other_cost, other in points.values()
        )
    }


def fronts(run: Run, found: Verdicts) -> dict[str, dict[str, tuple[float, float]]]:
    """By cost, each variant's cost and mean score; without variants that lack a task, whose means are of others."""
    means = {name: a.mean for name, a in averages(found, (v.name for v in run.plan.variants)).items()}
    known = {quantity.label: quantity.values for quantity in quantities(run) if quantity.label in AGAINST}
    points = {
        label: {name: (values[name], mean) for name, mean in means.items() if mean is not None and name in values}
        for label in AGAINST
        if (values := known.get(label))
    }
    return {label: of_each for label, of_each in points.items() if of_each}


def pareto(run: Run, found: Verdicts) -> Figure | None:
    """A panel a cost; the variants are numbered, and hollow where another is as cheap and as good."""
    from matplotlib.ticker import EngFormatter

    from zoo.plotting import grid, key, style

    of_cost = fronts(run, found)
    if not of_cost:
        return None
    figure, panels = grid(len(of_cost), columns=2, height=2.6)
    names = [variant.name for variant in run.plan.variants]
    for axes, (label, points) in zip(panels, of_cost.items(), strict=True):
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
