"""From a job's predictions to its result, and the data that they are of."""

from __future__ import annotations

from pathlib import Path

from zoo.core.errors import RunFailed
from zoo.experiments.results.gold_labels import Answers
from zoo.experiments.results.records import Cost, TaskResult, Truncation
from zoo.experiments.runner.context import JobContext
from zoo.machine.environment import environment
from zoo.tasks.scoring import gold_labels, main_score, score
from zoo.tasks.task import Dataset, Task

_datasets: dict[tuple[str, str | None], Dataset] = {}
"""Data that this process has read, as many jobs need the same task."""


def planned_data(work: JobContext, name: str | None = None) -> tuple[Task, Dataset]:
    """The task of a job, or another of its plan, and its data.

    Raises RunFailed if they are no longer those that were planned.
    """
    task, plan = work.catalog.task(name or str(work.job.task)), work.plan
    key = (task.model_dump_json(), plan.data_folder)
    if key not in _datasets:
        _datasets[key] = task.load(Path(plan.data_folder) if plan.data_folder else None)
    if _datasets[key].content_hash != plan.task(task.name).content_hash:
        raise RunFailed(f"the data of task {task.name!r} are no longer those that were planned; start a new run")
    return task, _datasets[key]


def unlabelled(task: Task, dataset: Dataset) -> list[str]:
    """The splits without labels, such as a benchmark's test splits."""
    known = (task.train_split, *task.dev_splits)
    return [
        split
        for split, items in dataset.splits.items()
        if split not in known and all(item.label is None for item in items)
    ]


def scored(
    work: JobContext,
    predictions: Answers,
    *,
    steps: int,
    truncated: dict[str, Truncation],
    cost: Cost,
) -> TaskResult:
    """The result of a job that made these predictions by split."""
    task, dataset = planned_data(work)
    labels = gold_labels(task, dataset)
    scores = {split: score(task, labels[split], predictions[split]) for split in labels}
    return TaskResult(
        job=work.job,
        task_version=task.version,
        data_hash=dataset.content_hash,
        synthetic=task.synthetic,
        steps=steps,
        gradient_accumulation_steps=work.how.gradient_accumulation_steps,
        truncated=truncated,
        scores=scores,
        main_score=main_score(task, scores),
        predictions={split: predictions[split] for split in labels},
        test_predictions={split: made for split, made in predictions.items() if split not in labels},
        environment=environment(work.catalog, work.how.compute),
        cost=cost,
    )
