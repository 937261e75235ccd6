"""A run's charts as SVG."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from zoo.core.errors import ZooError
from zoo.experiments.plan.spec import BASELINES
from zoo.experiments.report.pareto import pareto
from zoo.experiments.report.score_tables import systems_of
from zoo.experiments.report.verdict_tables import between_variants
from zoo.experiments.results.records import ModelResult, Run
from zoo.experiments.statistics.tests import SAME, Difference
from zoo.experiments.statistics.verdicts import Verdicts, degenerate
from zoo.plotting import GREY, SETTINGS, grid, key, short, stroke, style, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"better": "#1f4e79", "not shown": GREY, "too few seeds to tell": "#d97706", SAME: "black"}

MOST_PAIRS = 15
"""Pairs a task whose differences are all drawn; of more, those with the first variant."""


def charts(run: Run, found: Verdicts) -> list[tuple[str, str]]:
    """Titles and SVGs, of what there are results for. Raises ZooError where matplotlib is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise ZooError("charts need matplotlib; install it with: pip install encoder-zoo[plots]") from error
    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        # The page's reader has letters that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = [
            ("Scores: a point a seed, a line at the mean, a cross where every item had one answer", _scores(run)),
            ("Differences, with 95% intervals: thick over seeds, thin over seeds and items", _differences(found)),
            ("Mean score against cost; hollow: another variant is as cheap and as good", pareto(run, found)),
            ("Pre-training", _curves(run)),
        ]
        return [(title, svg(figure)) for title, figure in drawn if figure is not None]


def _scores(run: Run) -> Figure | None:
    systems = [system for system in systems_of(run) if run.finetuned(system)]
    tasks = [task.name for task in run.plan.tasks if any(run.finetuned(system, task.name) for system in systems)]
    if not tasks:
        return None
    figure, panels = grid(len(tasks), columns=3, height=0.8 + 0.2 * len(systems), share_y=True)
    for axes, task in zip(panels, tasks, strict=True):
        for height, system in enumerate(systems):
            _points(axes, run, task, system, height, GREY if system in BASELINES else style(height)["color"])
        axes.set_title(short(task), fontsize=9)
        axes.grid(axis="x", color="#eeeeee")
    panels[0].set_yticks(range(len(systems)), [short(system) for system in systems])
    panels[0].set_ylim(len(systems) - 0.5, -0.5)
    return figure


def _points(axes: Axes, run: Run, task: str, system: str, height: int, color: str) -> None:
    results = run.finetuned(system, task)
    for result in results:
        stuck = degenerate(result) and system not in BASELINES
        axes.plot(100 * result.main_score, height, "x" if stuck else "o", color=color, alpha=0.6)
    if results:
        mean = 100 * sum(result.main_score for result in results) / len(results)
        axes.plot([mean, mean], [height - 0.35, height + 0.35], color=color, linewidth=1.5)


def _differences(found: Verdicts) -> Figure | None:
    of_all = between_variants(found)
    tasks = list(dict.fromkeys(d.task for d in of_all))
    pairs = list(dict.fromkeys((d.first, d.second) for d in of_all))
    if len(pairs) > MOST_PAIRS:
        pairs = [pair for pair in pairs if pair[0] == pairs[0][0]]
    if not tasks:
        return None
    figure, panels = grid(len(tasks), columns=3, height=0.9 + 0.22 * len(pairs), share_y=True)
    for axes, task in zip(panels, tasks, strict=True):
        for d in of_all:
            if d.task == task and (d.first, d.second) in pairs:
                _interval(axes, d, pairs.index((d.first, d.second)))
        axes.axvline(0, color="black", linewidth=0.8)
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, -1), max(high, 1))
        axes.set_title(short(task), fontsize=9)
    panels[0].set_yticks(range(len(pairs)), [f"{short(first)} - {short(second)}" for first, second in pairs])
    panels[0].set_ylim(len(pairs) - 0.5, -0.5)
    seen = {d.verdict for d in of_all}
    for verdict, color in COLORS.items():
        if verdict in seen:
            panels[0].plot([], [], "o", color=color, label=verdict)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _interval(axes: Axes, d: Difference, height: int) -> None:
    color = COLORS[d.verdict]
    axes.plot([100 * d.bootstrap_low, 100 * d.bootstrap_high], [height] * 2, color=color, linewidth=1)
    if d.low is not None and d.high is not None:
        axes.plot([100 * d.low, 100 * d.high], [height] * 2, color=color, linewidth=3, alpha=0.4)
    axes.plot(100 * d.difference, height, "o", color=color)


def _curves(run: Run) -> Figure | None:
    """A panel an objective, for losses and for accuracies; a line a pre-training, whoever shares it."""
    origins = run.plan.origins
    names = list(origins)
    trained = [result for result in run.results if isinstance(result, ModelResult)]
    curves = {
        (measure, objective): None
        for result in trained
        for objective in result.losses
        for measure in ("losses", "accuracies")
        if getattr(result, measure).get(objective)
    }
    if not curves:
        return None
    figure, panels = grid(len(curves), columns=2, height=2.4)
    for axes, (measure, objective) in zip(panels, curves, strict=True):
        for result in trained:
            values = getattr(result, measure).get(objective, [])
            steps = [result.steps * (place + 0.5) / len(values) for place in range(len(values))]
            axes.plot(steps, values, linewidth=1.2, **stroke(names.index(result.job.system)))
        axes.set_xlabel("step")
        axes.set_ylabel({"losses": "loss", "accuracies": "accuracy"}[measure])
        axes.set_title(short(objective), fontsize=9)
    key(figure, names, lambda index: stroke(names.index(origins[names[index]])))
    return figure
