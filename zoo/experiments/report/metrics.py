"""The section of scores by metric: each metric and development split in a column of its own, and papers' averages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, stdev

from zoo.document import MISSING, Notes, Section, Table
from zoo.experiments.results.scored import ScoredRun
from zoo.tasks.averages import Average
from zoo.tasks.suites import averages

MAIN_SPLIT = "dev"
"""The split that a column does not name."""


def metrics_section(run: ScoredRun) -> Section | None:
    """A row per system; None if every task has one score and nothing is averaged over its suite."""
    columns = list(_columns(run))
    over = averages_of(run)
    if len(columns) == len(run.plan.tasks) and not over:
        return None
    names = tuple(
        " ".join((task, metric, *((f"({split})",) if split != MAIN_SPLIT else ()))) for task, split, metric in columns
    )
    rows = tuple(
        (system, *(_cell(run, system, *column) for column in columns), *(_mean(run, system, a) for a in over))
        for system in run.systems
    )
    table = Table(
        ("system", *names, *(_title(run, average) for average in over)),
        rows,
        rules=frozenset({len(run.plan.names)}),
    )
    return Section("metrics", "Scores by metric", (table, Notes(tuple(_notes(run, over)))), brief=bool(over))


def averages_of(run: ScoredRun) -> list[Average]:
    """The averages that cover two tasks of the run or more."""
    planned = {task.name for task in run.plan.tasks}
    return [average for average in averages() if len(planned & {*average.tasks}) > 1 and _fits(run, average)]


def _fits(run: ScoredRun, average: Average) -> bool:
    """Whether the run's tasks have the splits and metrics that it names: a plugin may offer others of the same name."""
    planned = {task.name: task for task in run.plan.tasks}
    return all(
        {*term.splits} <= {*planned[term.task].dev} and {*term.metrics} <= {*planned[term.task].metrics}
        for term in average.terms
        if term.task in planned
    )


def _columns(run: ScoredRun) -> Iterator[tuple[str, str, str]]:
    return ((task.name, split, metric) for task in run.plan.tasks for split in task.dev for metric in task.metrics)


def _cell(run: ScoredRun, system: str, task: str, split: str, metric: str) -> str:
    values = [100 * result.scores[split][metric] for result in run.finetuned(system, task)]
    if not values:
        return MISSING
    return f"{fmean(values):.1f} ± {stdev(values):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def _mean(run: ScoredRun, system: str, average: Average) -> str:
    """The average of a system's means over seeds; nothing if it lacks a task that the run has."""
    planned = [task for task in run.plan.tasks if task.name in average.tasks]
    scores = {
        task.name: {
            split: {metric: fmean(result.scores[split][metric] for result in results) for metric in task.metrics}
            for split in task.dev
        }
        for task in planned
        if (results := run.finetuned(system, task.name))
    }
    value = average.value(scores) if len(scores) == len(planned) else None
    return MISSING if value is None else f"{100 * value:.1f}"


def _lacking(run: ScoredRun, average: Average) -> list[str]:
    planned = {task.name for task in run.plan.tasks}
    return [name for name in average.tasks if name not in planned]


def _title(run: ScoredRun, average: Average) -> str:
    n, missing = len(average.tasks), len(_lacking(run, average))
    return f"{average.name}, {n - missing} of {n} tasks" if missing else average.name


def _notes(run: ScoredRun, over: Sequence[Average]) -> Iterator[str]:
    yield "Mean ± standard deviation over seeds, x 100; a metric without a split in brackets is on dev."
    for average in over:
        missing = _lacking(run, average)
        told = f" This run lacks {', '.join(missing)}: it is not the paper's average." if missing else ""
        yield f"{average.name}: {average.note or 'the mean of its terms'} ({average.source}).{told}"
