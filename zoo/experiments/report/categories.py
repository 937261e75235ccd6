"""The section of scores by sets of items, such as the categories of a diagnostic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from zoo.document import MISSING, Notes, Section, Table
from zoo.experiments.results.scored import ScoredRun, ScoredTask
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import chosen_metrics

NOTE = (
    "Means over seeds, x 100, on the items of each category; categories with few items or one label "
    "say little. There are no verdicts on parts of a task."
)


def categories_section(run: ScoredRun) -> Section | None:
    """A row per task, set of items and metric, a column per system; None if no task has sets of items."""
    tasks = [task for task in run.plan.tasks if task.name in run.groups and task.name in run.gold]
    systems = [system for system in run.systems if any(run.finetuned(system, task.name) for task in tasks)]
    rows = tuple(row for task in tasks for row in _rows(run, task, systems))
    if not rows:
        return None
    columns = ("task", "items", "metric", "n", *systems)
    table = Table(columns, rows, words=frozenset({"items", "metric"}))
    return Section("categories", "Scores by category", (table, Notes((NOTE,))))


def _rows(run: ScoredRun, task: ScoredTask, systems: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for split, sets in run.groups[task.name].items():
        n_items = task.dev[split].n_items
        for name, places in sorted(sets.items()):
            if len(places) < n_items:
                scores = {system: _scores(run, task, split, places, system) for system in systems}
                for metric in task.metrics:
                    shown = (f"{100 * its[metric]:.1f}" if its else MISSING for its in scores.values())
                    yield task.name, name, metric, f"{len(places):,}", *shown


def _scores(
    run: ScoredRun, task: ScoredTask, split: str, places: Sequence[int], system: str
) -> Mapping[str, float] | None:
    """Means over a system's seeds of each metric on some items; None if it has no results."""
    results = run.finetuned(system, task.name)
    if not results:
        return None
    kind = task_kind(task)

    def side(values: Sequence[Any]) -> Any:
        return kind.side([values[place] for place in places])

    gold, made = side(run.gold[task.name][split]), [side(result.predictions[split]) for result in results]
    return {name: fmean(metric.value(gold, its) for its in made) for name, metric in chosen_metrics(task).items()}
