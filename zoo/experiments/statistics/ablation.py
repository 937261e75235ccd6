"""The effect of each edge of an ablation, from a run's saved results alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import exp, log
from statistics import fmean
from typing import Literal

from zoo.core.specs import Record
from zoo.experiments.plan.ablation import Ablation, Edge
from zoo.experiments.plan.cache_key import model_keys
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.costs import counts_of, withheld
from zoo.experiments.statistics.decisions import settled
from zoo.experiments.statistics.draft import Pairing, Scores
from zoo.experiments.statistics.tests import Difference, mean_interval
from zoo.experiments.statistics.verdicts import scores_of

Direction = Literal["agree", "disagree", "not significant"]
AllScores = Mapping[tuple[str, str], tuple[Scores, str] | None]
"""By variant and task: its scores, and the key of everything that they depend on."""


class Ratio(Record):
    """The ratio of a cost of the second variant to the first's, with its 95% interval if there are several seeds."""

    ratio: float
    low: float | None = None
    high: float | None = None


class Effect(Record):
    """The second variant of an edge against the first: quality by task and in the mean, sizes and costs.

    Differences are second minus first; `overall` is in the mean over the tasks that both finished.
    """

    edge: Edge
    overall: Difference | None
    tasks: tuple[Difference, ...]
    parameters_stored: tuple[int, int] | None
    parameters_executed: tuple[int, int] | None
    pretraining_speed: Ratio | None
    finetuning_speed: Ratio | None
    inference_speed: Ratio | None
    peak_memory: Ratio | None


class Contrast(Record):
    """Two rows of a paper's table and the variants that reproduce them: both effects, and whether they agree in
    direction.

    In the mean, or in one `column` that is also a task of ours. `choices` are several if the paper changes several at
    once; `direction` is None if the paper prints no difference.
    """

    first: str
    second: str
    choices: tuple[str, ...]
    column: str | None
    paper: float
    ours: Difference
    direction: Direction | None


class Effects(Record):
    """An ablation's results."""

    ablation: Ablation
    effects: tuple[Effect, ...]
    contrasts: tuple[Contrast, ...] = ()


Pair = tuple[str, str]


def effects(run: ComparisonRun, ablation: Ablation) -> Effects:
    """The effect of every edge, and where the ablation repeats a paper's table, how the paper's compare.

    On a task as in every comparison (corrected over tasks); in the mean over tasks with Holm over all that is asked.
    """
    edges = [(edge.first, edge.second) for edge in ablation.edges]
    asked = dict(_printed(ablation))
    spans = [(ablation.rows[first], ablation.rows[second]) for first, second in asked]
    scores = {
        (variant, task.name): (found, key) if (found := scores_of(run, variant, task.name)) else None
        for task in run.plan.tasks
        for variant, key in model_keys(run.plan, task.name).items()
    }
    overall = _overall(run, scores, list(dict.fromkeys([*edges, *spans])))
    by_task = {pair: _by_task(run, scores, pair) for pair in overall}
    contrasts: list[Contrast] = []
    for (rows, choices), span in zip(asked.items(), spans, strict=True):
        contrasts += _contrasts(ablation, rows, choices, overall[span], by_task[span])
    return Effects(
        ablation=ablation,
        effects=tuple(
            _effect(run, edge, overall[pair], by_task[pair]) for edge, pair in zip(ablation.edges, edges, strict=True)
        ),
        contrasts=tuple(contrasts),
    )


def _overall(run: ComparisonRun, scores: AllScores, pairs: list[Pair]) -> dict[Pair, Difference | None]:
    """Second minus first in the mean over tasks, Holm-corrected over the pairs."""
    asked = [found for pair in pairs if (found := _pairing(run, scores, run.plan.averaged, pair))]
    known = {(d.second, d.first): d for d in settled(asked, run.plan.claims)}
    return {pair: known.get(pair) for pair in pairs}


def _by_task(run: ComparisonRun, scores: AllScores, pair: Pair) -> tuple[Difference, ...]:
    asked = [found for task in run.plan.tasks if (found := _pairing(run, scores, [task.name], pair))]
    return tuple(settled(asked, run.plan.claims, independent=True))


def _pairing(run: ComparisonRun, scores: AllScores, tasks: Sequence[str], pair: Pair) -> Pairing | None:
    """Second minus first over the tasks that both finished, if there are any."""
    both = {t: (two, one) for t in tasks if (one := scores[pair[0], t]) and (two := scores[pair[1], t])}
    same = all(one == two for (_, one), (_, two) in both.values())
    sides = {task: (two[0], one[0]) for task, (two, one) in both.items()}
    fixed = all({*pair} <= {*run.plan.unseeded_on(task)} for task in both)
    return Pairing(pair[1], pair[0], sides, same=same, fixed=fixed) if sides else None


def _effect(run: ComparisonRun, edge: Edge, overall: Difference | None, tasks: tuple[Difference, ...]) -> Effect:
    trained = run.pretrained(edge.first), run.pretrained(edge.second)
    first, second = counts_of(run, edge.first), counts_of(run, edge.second)
    speeds = [result.cost.tokens_per_s for result in trained if result and result.cost.tokens_per_s]
    return Effect(
        edge=edge,
        overall=overall,
        tasks=tasks,
        parameters_stored=(first.parameters_stored, second.parameters_stored) if first and second else None,
        parameters_executed=(first.parameters_executed, second.parameters_executed) if first and second else None,
        pretraining_speed=Ratio(ratio=speeds[1] / speeds[0]) if len(speeds) == 2 and not withheld(run) else None,
        finetuning_speed=_ratio(run, edge, lambda result: result.cost.training_examples_per_s),
        inference_speed=_ratio(run, edge, _items_per_s),
        peak_memory=_ratio(run, edge, lambda result: result.cost.peak_bytes),
    )


def _items_per_s(result: TaskResult) -> float | None:
    measured = result.cost.inference_items_per_s
    return measured.median if measured else None


def _ratio(run: ComparisonRun, edge: Edge, cost: Callable[[TaskResult], float | None]) -> Ratio | None:
    """Second over first: by seed the geometric mean over tasks, its interval that of the logarithms over seeds."""
    by_seed: dict[int, list[float]] = {}
    before = {(r.job.task, r.job.seed): cost(r) for r in run.finetuned(edge.first)}
    for result in run.finetuned(edge.second):
        pair = before.get((result.job.task, result.job.seed)), cost(result)
        if pair[0] and pair[1]:
            by_seed.setdefault(result.job.seed, []).append(log(pair[1] / pair[0]))
    if not by_seed or withheld(run):
        return None
    mean, _, low, high = mean_interval([fmean(logs) for logs in by_seed.values()])
    return Ratio(ratio=exp(mean), low=None if low is None else exp(low), high=None if high is None else exp(high))


def _printed(ablation: Ablation) -> Iterator[tuple[Pair, tuple[str, ...]]]:
    """Each printed row of a paper's table, the nearest printed row before it, and the choices between."""
    table = ablation.paper
    choice_of = {(edge.first, edge.second): edge.choice for edge in ablation.edges}
    for row in table.rows if table else ():
        for start in row.after if row.scores else ():
            assert table is not None
            way = [row.label, start]
            while not table.row(way[-1]).scores and table.row(way[-1]).after:
                way.append(table.row(way[-1]).after[0])
            names = [ablation.rows[label] for label in reversed(way)]
            yield (way[-1], row.label), tuple(dict.fromkeys(choice_of[pair] for pair in pairwise(names)))


def _contrasts(
    ablation: Ablation,
    rows: Pair,
    choices: tuple[str, ...],
    overall: Difference | None,
    tasks: tuple[Difference, ...],
) -> Iterator[Contrast]:
    """Two rows of the paper, in the mean and on the tasks that it also has."""
    table = ablation.paper
    assert table is not None
    by_column: list[tuple[str | None, Difference]] = [(c, d) for d in tasks for c in table.columns_of(d.task)]
    one = len(tasks) == len(table.counted) == 1 and table.columns_of(tasks[0].task) == [*table.counted]
    seen = [*([(None, overall)] if overall else []), *([] if one else by_column)]
    for column, ours in seen:
        paper = table.effect(*rows, (column,) if column else table.counted)
        if paper is not None:
            yield Contrast(
                first=rows[0],
                second=rows[1],
                choices=choices,
                column=column,
                paper=paper,
                ours=ours,
                direction=direction(paper, ours),
            )


def direction(paper: float, ours: Difference) -> Direction | None:
    """Whether our effect, if significant, has the sign of the paper's, if it prints one."""
    if paper == 0:
        return None
    if ours.verdict != "better":
        return "not significant"
    return "agree" if (paper > 0) == (ours.difference > 0) else "disagree"
