"""A run's charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.document.plotting import GREY, grid, key, short, stroke, style
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.results.scored import ScoredRun
from zoo.experiments.statistics.tests import EQUIVALENT, SAME, TOO_FEW, Difference
from zoo.experiments.statistics.verdicts import Comparisons, has_constant_predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"better": "#1f4e79", EQUIVALENT: "#2e7d32", "not significant": GREY, TOO_FEW: "#d97706", SAME: "black"}

MOST_PAIRS = 15
"""Pairs per task whose differences are all drawn; of more, those with the first variant."""


def seeds_figure(run: ScoredRun) -> Figure:
    """A panel per task, a row per system, a point per seed."""
    systems = [system for system in run.systems if run.finetuned(system)]
    tasks = [task.name for task in run.plan.tasks if any(run.finetuned(system, task.name) for system in systems)]
    figure, panels = grid(len(tasks), columns=3, height=0.8 + 0.2 * len(systems), share_y=True)
    for axes, task in zip(panels, tasks, strict=True):
        for height, system in enumerate(systems):
            _points(axes, run, task, system, height, GREY if system in run.plan.baselines else style(height)["color"])
        axes.set_title(short(task), fontsize=9)
        axes.grid(axis="x", color="#eeeeee")
    panels[0].set_yticks(range(len(systems)), [short(system) for system in systems])
    panels[0].set_ylim(len(systems) - 0.5, -0.5)
    return figure


def differences_figure(comparisons: Comparisons) -> Figure:
    """A panel per task and one for their mean, a row per pair of variants."""
    of_all = [*comparisons.overall_between_variants, *comparisons.between_variants()]
    pairs = list(dict.fromkeys((d.first, d.second) for d in of_all))
    if len(pairs) > MOST_PAIRS:
        pairs = [pair for pair in pairs if pair[0] == pairs[0][0]]
    labels = {pair: " - ".join(map(short, pair)) for pair in pairs}
    panels: dict[str, dict[str, Difference]] = {}
    for d in of_all:
        if (d.first, d.second) in labels:
            panels.setdefault(d.task, {})[labels[d.first, d.second]] = d
    return intervals_figure(panels, list(labels.values()))


def intervals_figure(panels: Mapping[str, Mapping[str, Difference]], labels: Sequence[str]) -> Figure:
    """Differences by panel and label with their intervals over seeds and items."""
    figure, all_axes = grid(len(panels), columns=3, height=0.9 + 0.22 * len(labels), share_y=True)
    for axes, (title, differences) in zip(all_axes, panels.items(), strict=True):
        for label, d in differences.items():
            _interval(axes, d, labels.index(label))
        axes.axvline(0, color="black", linewidth=0.8)
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, -1), max(high, 1))
        axes.set_title(short(title), fontsize=9)
    all_axes[0].set_yticks(range(len(labels)), labels)
    all_axes[0].set_ylim(len(labels) - 0.5, -0.5)
    seen = {d.verdict for differences in panels.values() for d in differences.values()}
    for verdict in [verdict for verdict in COLORS if verdict in seen]:
        all_axes[0].plot([], [], "o", color=COLORS[verdict], label=verdict)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def curves_figure(run: ComparisonRun) -> Figure:
    """A panel per objective and measure; a line per pre-training, whichever variants share it."""
    origins = run.plan.origins
    names = list(origins)
    curves = dict.fromkeys(
        (measure, objective)
        for result in run.pretrained_results
        for objective in result.losses
        for measure in ("losses", "accuracies")
        if getattr(result, measure).get(objective)
    )
    figure, panels = grid(len(curves), columns=2, height=2.4)
    for axes, (measure, objective) in zip(panels, curves, strict=True):
        scale = 100 if measure == "accuracies" else 1
        for result in run.pretrained_results:
            values = [scale * value for value in getattr(result, measure).get(objective, [])]
            steps = [result.steps * (place + 0.5) / len(values) for place in range(len(values))]
            axes.plot(steps, values, linewidth=1.2, **stroke(names.index(result.job.system)))
        axes.set_xlabel("step")
        axes.set_ylabel({"losses": "loss, nats", "accuracies": "accuracy x 100"}[measure])
        axes.set_title(short(objective), fontsize=9)
    key(figure, names, lambda index: stroke(names.index(origins[names[index]])))
    return figure


def _points(axes: Axes, run: ScoredRun, task: str, system: str, height: int, color: str) -> None:
    results = run.finetuned(system, task)
    for result in results:
        constant = has_constant_predictions(run.plan.task(task), result) and system not in run.plan.baselines
        axes.plot(100 * result.main_score, height, "x" if constant else "o", color=color, alpha=0.6)
    if results:
        mean = 100 * sum(result.main_score for result in results) / len(results)
        axes.plot([mean, mean], [height - 0.35, height + 0.35], color=color, linewidth=1.5)


def _interval(axes: Axes, d: Difference, height: int) -> None:
    color = COLORS[d.verdict]
    if d.low is not None and d.high is not None:
        axes.plot([100 * d.low, 100 * d.high], [height] * 2, color=color, linewidth=2)
    axes.plot(100 * d.difference, height, "o", color=color)
