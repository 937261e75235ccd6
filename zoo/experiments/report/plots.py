"""A run's charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from zoo.document import Axis, Chart, Panel, Point, Series
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.results.scored import ScoredResult, ScoredRun
from zoo.experiments.statistics.tests import EQUIVALENT, OUT_OF_REACH, SAME, TOO_FEW, Difference
from zoo.experiments.statistics.verdicts import Comparisons, has_constant_predictions

VERDICTS = ("better", EQUIVALENT, "not significant", TOO_FEW, OUT_OF_REACH, SAME)
"""The place of each decides its look."""

MOST_PAIRS = 15
"""Pairs per task whose differences are all drawn; of more, those with the first variant."""

LEAST_SPAN = 10.0
"""Points that an axis of scores spans at least, so that noise looks like noise."""


def seeds_chart(run: ScoredRun) -> Chart:
    """A panel per task, a row per system, a point per seed."""
    systems = tuple(system for system in run.systems if run.finetuned(system))
    tasks = [task.name for task in run.plan.tasks if any(run.finetuned(system, task.name) for system in systems)]
    panels = (
        Panel(
            task,
            tuple(
                series
                for row, system in enumerate(systems)
                for series in _seeds(run, system, row, run.finetuned(system, task))
            ),
            Axis("score x 100", least_span=LEAST_SPAN),
            rows=systems,
        )
        for task in tasks
    )
    return Chart(tuple(panels), run.plan.names)


def differences_chart(comparisons: Comparisons) -> Chart:
    """A panel per task and one for their mean, a row per pair of variants."""
    of_all = [*comparisons.overall_between_variants, *comparisons.between_variants()]
    pairs = list(dict.fromkeys((d.first, d.second) for d in of_all))
    labels, label = {pair: " - ".join(pair) for pair in pairs}, "difference, points"
    if len(pairs) > MOST_PAIRS:
        first = pairs[0][0]
        labels, label = {pair: pair[1] for pair in pairs if pair[0] == first}, f"{first} minus each, points"
    panels: dict[str, dict[str, Difference]] = {}
    for d in of_all:
        if (d.first, d.second) in labels:
            panels.setdefault(d.task, {})[labels[d.first, d.second]] = d
    return intervals_chart(panels, list(labels.values()), label)


def intervals_chart(
    panels: Mapping[str, Mapping[str, Difference]], labels: Sequence[str], label: str = "difference, points"
) -> Chart:
    """Differences by panel and label with their intervals over seeds and items; a look per verdict."""
    axis = Axis(label, least_span=2.0)
    drawn = (
        Panel(
            title,
            tuple(
                Series(
                    verdict, tuple(_difference(d, labels.index(at)) for at, d in its.items() if d.verdict == verdict)
                )
                for verdict in VERDICTS
            ),
            axis,
            rows=tuple(labels),
            x_line=0.0,
        )
        for title, its in panels.items()
    )
    return Chart(tuple(drawn), VERDICTS)


def curves_chart(run: ComparisonRun) -> Chart:
    """A panel per objective and measure; a line per pre-training, named by the variants that share it."""
    shared: dict[str, list[str]] = {}
    for name, origin in run.plan.origins.items():
        shared.setdefault(origin, []).append(name)
    names = {result.job.system: ", ".join(shared.get(result.job.system, [])) for result in run.pretrained_results}
    curves = dict.fromkeys(
        (measure, objective)
        for result in run.pretrained_results
        for objective in result.losses
        for measure in ("losses", "accuracies")
        if getattr(result, measure).get(objective)
    )
    labels = {"losses": "loss, nats", "accuracies": "accuracy x 100"}
    panels = (
        Panel(
            f"{objective}: {labels[measure]}",
            tuple(
                Series(names[result.job.system], tuple(_curve(values, result.steps, measure)), "line")
                for result in run.pretrained_results
                if (values := getattr(result, measure).get(objective))
            ),
            Axis("step"),
            Axis(labels[measure], least_span=LEAST_SPAN if measure == "accuracies" else 0.2),
        )
        for measure, objective in curves
    )
    return Chart(tuple(panels), tuple(dict.fromkeys(names.values())))


def _curve(values: Sequence[float], steps: int, measure: str) -> Iterator[Point]:
    scale = 100 if measure == "accuracies" else 1
    return (Point(steps * (at + 0.5) / len(values), scale * value) for at, value in enumerate(values))


def _seeds(run: ScoredRun, system: str, row: int, results: Sequence[ScoredResult]) -> Iterator[Series]:
    """A dot per seed, a cross for constant predictions, and a tick at the mean."""
    if not results:
        return
    task = run.plan.task(str(results[0].job.task))
    points = tuple(
        Point(
            100 * result.main_score,
            row,
            mark="cross" if system not in run.plan.baselines and has_constant_predictions(task, result) else "hollow",
            label=f"seed {result.job.seed}",
        )
        for result in results
    )
    yield Series(system, points)
    mean = fmean(result.main_score for result in results)
    yield Series(system, (Point(100 * mean, row, label="mean"),), "ticks")


def _difference(d: Difference, row: int) -> Point:
    known = d.low is not None and d.high is not None
    return Point(
        100 * d.difference,
        row,
        x_range=(100 * (d.low or 0.0), 100 * (d.high or 0.0)) if known else None,
        label=d.verdict,
    )
