"""The work of a baseline job."""

from __future__ import annotations

import time

from zoo.core.lazy import imported
from zoo.experiments.results.records import Cost, TaskResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.scoring import Answered, planned_data, scored
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.tasks.kinds import task_kind


def baseline(work: JobContext) -> TaskResult:
    """What a system that reads no sentence reaches: a baseline of the task's kind."""
    task, dataset = planned_data(work)
    reset_peak_memory(work.how.compute.torch_device)
    began = time.perf_counter()
    predict = imported(task_kind(task).baselines[work.job.system])
    predictions = predict(dataset, task, work.job.seed)
    cost = Cost(seconds=time.perf_counter() - began, peak_bytes=peak_memory(work.how.compute.torch_device))
    work.progress(1, 1)
    return scored(work, Answered(predictions), steps=0, truncated={}, cost=cost)
