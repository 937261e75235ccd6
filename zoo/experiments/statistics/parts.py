"""Scores of the parts of a task, such as types of entities, where its kind has any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from zoo.core.specs import Record
from zoo.experiments.results.gold_labels import Answers
from zoo.experiments.results.scored import ScoredResult, ScoredRun, ScoredTask
from zoo.tasks.kinds import task_kind


class PartScores(Record):
    """A system's scores on a part of a task's development split, means over seeds."""

    system: str
    task: str
    split: str
    part: str
    scores: dict[str, float]


def part_scores(run: ScoredRun) -> Iterator[PartScores]:
    """Of every system and task whose gold labels are stored; parts in the order of their names."""
    for task in run.plan.tasks:
        for system in run.systems:
            results, gold = run.finetuned(system, task.name), run.gold.get(task.name)
            if results and gold:
                yield from _of_system(task, system, results, gold)


def _of_system(task: ScoredTask, system: str, results: Sequence[ScoredResult], gold: Answers) -> Iterator[PartScores]:
    kind = task_kind(task)
    for split, labels in gold.items():
        by_seed = [kind.parts(labels, result.predictions[split]) for result in results]
        for part in sorted({part for parts in by_seed for part in parts}):
            metrics = next(parts[part] for parts in by_seed if part in parts)
            means = {name: fmean(parts[part][name] if part in parts else 0.0 for parts in by_seed) for name in metrics}
            yield PartScores(system=system, task=task.name, split=split, part=part, scores=means)
