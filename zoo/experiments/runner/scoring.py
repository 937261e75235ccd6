"""From a job's predictions to its result, and the data that they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.core.errors import RunFailed
from zoo.experiments.results.gold_labels import Answers
from zoo.experiments.results.records import Compression, Cost, ItemsSeen, LayerWeights, TaskResult, Truncation
from zoo.experiments.runner.context import JobContext
from zoo.inference.predict_task import decoded, in_order
from zoo.machine.environment import environment
from zoo.tasks.kinds import EncodedItem, TaskKind
from zoo.tasks.scoring import gold_labels, main_score, score
from zoo.tasks.task import Dataset, Task

if TYPE_CHECKING:
    from torch import Tensor

_datasets: dict[tuple[str, str | None], Dataset] = {}
"""Data that this process has read, as many jobs need the same task."""


@dataclass(frozen=True)
class Answered:
    """Predictions by split, and the probabilities of those for which they are kept."""

    predictions: Answers
    probabilities: Answers = field(default_factory=dict)


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


def answered(
    work: JobContext,
    kind: TaskKind,
    items: Mapping[str, Sequence[EncodedItem]],
    logits_of: Callable[[Sequence[EncodedItem]], list[Tensor]],
    order: Sequence[int] = (),
) -> Answered:
    """A model's answers to the items of each split; `order` is its head's `class_order`, if that is not the task's.

    Raises RunFailed if the kind's probabilities are none.
    """
    predictions, probabilities = {}, {}
    for split, its in items.items():
        logits = logits_of(its)
        predictions[split] = decoded(kind, its, logits, [*order])
        if work.plan.keep_probabilities:
            pairs = zip(its, logits, strict=True)
            probabilities[split] = [kind.probabilities(item, in_order(one, [*order])) for item, one in pairs]
            _refuse_unfit(work, kind, predictions[split], probabilities[split])
    return Answered(predictions, {split: made for split, made in probabilities.items() if made != [None] * len(made)})


def _refuse_unfit(work: JobContext, kind: TaskKind, predictions: Sequence[Any], probabilities: Sequence[Any]) -> None:
    for prediction, its in zip(predictions, probabilities, strict=True):
        if its is not None and not kind.fits_probabilities(prediction, its):
            raise RunFailed(f"{work.job.task}: {its!r:.60} are no probabilities of {prediction!r:.30}")


def scored(
    work: JobContext,
    answers: Answered,
    *,
    steps: int,
    truncated: dict[str, Truncation],
    cost: Cost,
    parameters_trained: int | None = None,
    layer_mix: LayerWeights | None = None,
    best_step: int | None = None,
    selection_score: float | None = None,
    items_seen: ItemsSeen | None = None,
    compression: Compression | None = None,
) -> TaskResult:
    """The result of a job that gave these answers."""
    task, dataset = planned_data(work)
    labels, predictions = gold_labels(task, dataset), answers.predictions
    scores = {split: score(task, labels[split], predictions[split]) for split in labels}
    return TaskResult(
        job=work.job,
        task_version=task.version,
        data_hash=dataset.content_hash,
        synthetic=task.synthetic,
        steps=steps,
        gradient_accumulation_steps=work.how.gradient_accumulation_steps,
        parameters_trained=parameters_trained,
        layer_mix=layer_mix,
        best_step=best_step,
        selection_score=selection_score,
        items_seen=items_seen,
        compression=compression,
        truncated=truncated,
        scores=scores,
        main_score=main_score(task, scores),
        predictions={split: predictions[split] for split in labels},
        test_predictions={split: made for split, made in predictions.items() if split not in labels},
        probabilities=answers.probabilities,
        environment=environment(work.catalog, work.how.compute),
        cost=cost,
    )
