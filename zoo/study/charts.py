"""A run's charts as SVG, the same bytes for the same results."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from zoo.errors import ZooError
from zoo.study.findings import between_variants
from zoo.study.plan import BASELINES
from zoo.study.results import Run
from zoo.study.verdicts import Verdicts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"better": "#1f4e79", "not shown": "#9aa3ad", "too few seeds to tell": "#d97706"}


def charts(run: Run, found: Verdicts) -> list[tuple[str, str]]:
    """Titles and SVGs, of what there are results for. Raises ZooError where matplotlib is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise ZooError("charts need matplotlib; install it with: pip install encoder-zoo[plots]") from error
    # "$" in a name would be read as mathematics.
    with matplotlib.rc_context(
        {"svg.hashsalt": "zoo", "svg.fonttype": "none", "font.size": 9, "text.parse_math": False}
    ):
        drawn = [
            ("Scores, a point a seed", _scores(run)),
            ("Differences with 95% intervals: thick over seeds, thin over seeds and items", _differences(found)),
            ("Mean score of all tasks against parameters stored; hollow marks are dominated", _pareto(run, found)),
            ("Pre-training losses", _losses(run)),
        ]
        return [(title, _svg(figure)) for title, figure in drawn if figure is not None]


def _svg(figure: Figure) -> str:
    text = StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return text.getvalue()[text.getvalue().index("<svg") :]


def _figure(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _scores(run: Run) -> Figure | None:
    systems = [*(variant.name for variant in run.plan.variants), *BASELINES]
    rows = [(task.name, system) for task in run.plan.tasks for system in systems if run.finetuned(system, task.name)]
    if not rows:
        return None
    figure, axes = _figure(1 + 0.22 * len(rows))
    for height, (task, system) in enumerate(rows):
        values = [100 * result.headline for result in run.finetuned(system, task)]
        color = "#9aa3ad" if system in BASELINES else f"C{systems.index(system) % 10}"
        axes.plot(values, [height] * len(values), "o", color=color, alpha=0.6)
        if systems.index(system) == 0 and height:
            axes.axhline(height - 0.5, color="#dddddd", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [f"{task}: {system}" for task, system in rows])
    axes.invert_yaxis()
    axes.set_xlabel("score x 100")
    return figure


def _differences(found: Verdicts) -> Figure | None:
    pairs = between_variants(found)
    if not pairs:
        return None
    figure, axes = _figure(1.2 + 0.24 * len(pairs))
    for height, pair in enumerate(pairs):
        color = COLORS[pair.verdict]
        axes.plot([100 * pair.bootstrap_low, 100 * pair.bootstrap_high], [height] * 2, color=color, linewidth=1)
        if pair.low is not None and pair.high is not None:
            axes.plot([100 * pair.low, 100 * pair.high], [height] * 2, color=color, linewidth=3, alpha=0.4)
        axes.plot(100 * pair.difference, height, "o", color=color)
    for verdict, color in COLORS.items():
        axes.plot([], [], "o", color=color, label=verdict)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(pairs)), [f"{pair.task}: {pair.first} - {pair.second}" for pair in pairs])
    axes.invert_yaxis()
    axes.set_xlabel("difference x 100")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def _pareto(run: Run, found: Verdicts) -> Figure | None:
    """Of the variants that finished something on every task: the others' means are not of the same tasks."""
    points = {
        variant.name: (trained.parameters_stored, 100 * sum(spreads) / len(spreads))
        for variant in run.plan.variants
        if (trained := run.pretrained(variant.name))
        and all(variant.name in by_system for by_system in found.spreads.values())
        and (spreads := [by_system[variant.name].mean for by_system in found.spreads.values()])
    }
    if not points:
        return None
    figure, axes = _figure(3.5)
    for index, (name, (size, score)) in enumerate(points.items()):
        dominated = any(
            other_size <= size and other >= score and (other_size, other) != (size, score)
            for other_size, other in points.values()
        )
        axes.plot(size / 1e6, score, "o", color=f"C{index % 10}", fillstyle="none" if dominated else "full")
        axes.annotate(name, (size / 1e6, score), xytext=(6, 4), textcoords="offset points")
    axes.margins(x=0.2, y=0.2)
    axes.set_xlabel("parameters stored, millions")
    axes.set_ylabel("mean score x 100")
    return figure


def _losses(run: Run) -> Figure | None:
    from matplotlib.figure import Figure

    curves = [
        (variant.name, name, trained.steps, losses)
        for variant in run.plan.variants
        if (trained := run.pretrained(variant.name))
        for name, losses in trained.losses.items()
        if losses
    ]
    if not curves:
        return None
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots()
    for variant, name, steps, losses in curves:
        axes.plot([steps * (i + 0.5) / len(losses) for i in range(len(losses))], losses, label=f"{variant}: {name}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    figure.legend(loc="outside right upper", frameon=False, fontsize=7)
    return figure
