"""The section on score against pre-training: curves, and how much one variant needs for another's score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isclose

from zoo.document import MISSING, Axis, Chart, Figure, Notes, Panel, Point, Section, Series, Table
from zoo.document.charts import number
from zoo.experiments.report.plots import LEAST_SPAN
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.costs import withheld
from zoo.experiments.statistics.draft import MEAN
from zoo.experiments.statistics.learning import Learning, PointScores, Reach
from zoo.experiments.statistics.standing import Standing
from zoo.experiments.statistics.verdicts import Comparisons

NOTES = (
    "Each score is that of the model at that point of its pre-training, fine-tuned like the final "
    "one. Learning rates are those of the complete pre-training, so earlier points score lower than "
    "complete runs of that length would.",
    "Times: the tokens with which the first variant reaches the final score of the second, as a multiple of all tokens "
    "of the second; linear between points, in the logarithm of the tokens. > 1: not within the budget. At most: "
    "already at the first point. Intervals are 95%, by a bootstrap over seeds and items.",
)
SHARED = "All seeds share one pre-training, so the curves and intervals are about these pre-trainings."


def learning_section(run: ComparisonRun, comparisons: Comparisons, learning: Learning | None) -> Section | None:
    """Scores against tokens, operations and seconds; None if only the end was evaluated."""
    if learning is None or not learning.points:
        return None
    seconds = {} if withheld(run) else _seconds(run)
    figure = Figure(
        "Score with its 95% interval against what its pre-training has cost so far",
        _chart(run, comparisons, learning.points, seconds),
        _table(run, comparisons, learning.points, seconds),
    )
    notes = NOTES if run.plan.pretrain_each_seed else (*NOTES, SHARED)
    reaches = [_reach_table(run, learning, seconds)] if learning.reaches else []
    return Section("learning", "Score against pre-training", (figure, *reaches, Notes(notes)), brief=True)


Seconds = dict[tuple[str, int], float]
"""By variant and tokens, how long the pre-training has taken until then."""


def _seconds(run: ComparisonRun) -> Seconds:
    stages = [*map(run.at, run.plan.evaluate_at), run]
    trained = {name: [model for stage in stages if (model := stage.pretrained(name))] for name in run.plan.names}
    return {(name, model.tokens): model.cost.seconds for name, models in trained.items() for model in models}


def _chart(run: ComparisonRun, comparisons: Comparisons, points: Sequence[PointScores], seconds: Seconds) -> Chart:
    """A panel per cost, a line per variant, and the best baseline."""
    names, decisive = run.plan.names, comparisons.decisive
    floor = sorted((of.mean, name) for name, of in comparisons.main_standings.items() if name in run.plan.baselines)
    label = "mean score x 100" if decisive == MEAN else "score x 100"
    costs: dict[str, Callable[[PointScores], float | None]] = {
        "tokens": lambda point: float(point.tokens),
        "operations": lambda point: point.operations,
        "seconds": lambda point: seconds.get((point.variant, point.tokens)),
    }
    panels = []
    for what, cost in costs.items():
        series: list[Series] = []
        for name in names:
            of = [point for point in points if point.variant == name and decisive in point.scores]
            its = tuple(_point(at, point.scores[decisive]) for point in of if (at := cost(point)) is not None)
            series += Series(name, its, "line"), Series(name, its)
        lines = {name: 100 * mean for mean, name in floor[-1:]}
        if any(each.points for each in series):
            axes = Axis(f"{what} of pre-training", logarithmic=True), Axis(label, least_span=LEAST_SPAN)
            panels.append(Panel("", tuple(series), *axes, y_lines=lines))
    return Chart(tuple(panels), names)


def _point(cost: float, score: Standing) -> Point:
    ends = None if score.low is None or score.high is None else (100 * score.low, 100 * score.high)
    return Point(cost, 100 * score.mean, y_range=ends)


def _table(run: ComparisonRun, comparisons: Comparisons, points: Sequence[PointScores], seconds: Seconds) -> Table:
    """A row per variant and point, a column per task."""
    tasks = [*([MEAN] if comparisons.decisive == MEAN else []), *run.plan.averaged]
    timed = ["seconds"] if seconds else []
    rows = [
        (
            point.variant,
            f"{point.tokens:,}",
            MISSING if point.operations is None else number(point.operations),
            *(f"{seconds[point.variant, point.tokens]:,.1f}" for _ in timed),
            *(_score(point.scores.get(task), whole=task == comparisons.decisive) for task in tasks),
        )
        for point in points
    ]
    return Table(("variant", "tokens", "operations", *timed, *(f"{task} x 100" for task in tasks)), tuple(rows))


def _score(of: Standing | None, *, whole: bool) -> str:
    if of is None:
        return MISSING
    known = whole and of.low is not None and of.high is not None
    return f"{100 * of.mean:.1f}" + (f" [{100 * (of.low or 0):.1f}, {100 * (of.high or 0):.1f}]" if known else "")


def _reach_table(run: ComparisonRun, learning: Learning, seconds: Seconds) -> Table:
    """A row per ordered pair, those that are reached first."""
    last = {point.variant: point.tokens for point in learning.points}
    rate = {name: seconds[name, tokens] / tokens for name, tokens in last.items() if (name, tokens) in seconds}
    rows = []
    for reach in sorted(learning.reaches, key=lambda each: each.times is None):
        pace = rate[reach.first] / rate[reach.second] if reach.first in rate and reach.second in rate else None
        shown = _times(reach, 1.0), _interval(reach), _times(reach, reach.operations), _times(reach, pace)
        rows.append((reach.first, reach.second, *shown))
    columns = ("variant", "reaches the final score of", "times its tokens", "95% interval")
    return Table(
        (*columns, "times its operations", "times its seconds"),
        tuple(rows),
        words=frozenset({"reaches the final score of"}),
        title="How much pre-training a variant needs for another's final score",
    )


def _times(reach: Reach, factor: float | None) -> str:
    if reach.times is None or factor is None:
        return "> 1" if factor == 1.0 else MISSING
    return _multiple(reach.times, reach.least, factor)


def _interval(reach: Reach) -> str:
    return f"[{_multiple(reach.low, reach.least)}, {_multiple(reach.high, reach.least)}]"


def _multiple(times: float | None, least: float, factor: float = 1.0) -> str:
    if times is None:
        return "> 1"
    return ("at most " if isclose(times, least) else "") + f"{factor * times:.2f}"
