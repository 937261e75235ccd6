"""The work of a baseline job."""

from __future__ import annotations

import time
from dataclasses import replace

from zoo.core.lazy import imported
from zoo.experiments.results.records import Cost, TaskResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.scoring import Answered, planned_data, scored
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Dataset, Task


def baseline(work: JobContext) -> TaskResult:
    """What a system that reads no sentence reaches: a baseline of the task's kind."""
    task, dataset = planned_data(work)
    if task.trained_on:
        dataset = _with_training_items(task, dataset, *planned_data(work, task.trained_on))
    predict = imported(task_kind(task).baselines[work.job.system])  # with a library, in the first job of a process
    reset_peak_memory(work.how.compute.torch_device)
    began = time.perf_counter()
    predictions = predict(dataset, task, work.job.seed)
    cost = Cost(seconds=time.perf_counter() - began, peak_bytes=peak_memory(work.how.compute.torch_device))
    work.progress(1, 1)
    return scored(work, Answered(predictions), steps=0, truncated={}, cost=cost)


def _with_training_items(task: Task, dataset: Dataset, other: Task, others: Dataset) -> Dataset:
    """The data of a task that models of another answer, with the other's training items, labelled as this one does."""
    order = task.ids_of(other.labels) if other.labels else None
    items = other.training_items(others)
    if order is not None:
        items = tuple(replace(item, label=order[item.label]) for item in items)
    return replace(dataset, splits={**dataset.splits, task.train_split: items})
