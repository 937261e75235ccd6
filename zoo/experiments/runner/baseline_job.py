"""The work of a baseline job."""

from __future__ import annotations

import time

from zoo.experiments.results.records import Cost, TaskResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.scoring import planned_data, scored
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.tasks.baselines import bag_of_words, majority


def baseline(work: JobContext) -> TaskResult:
    """What a system that reads no sentence reaches: the majority class, or bag-of-words regression."""
    task, dataset = planned_data(work)
    reset_peak_memory(work.how.compute.torch_device)
    began = time.perf_counter()
    if work.job.system == "majority":
        predictions = majority(dataset, task)
    else:
        predictions = bag_of_words(dataset, task, work.job.seed)
    cost = Cost(seconds=time.perf_counter() - began, peak_bytes=peak_memory(work.how.compute.torch_device))
    work.progress(1, 1)
    return scored(work, predictions, steps=0, truncated={}, cost=cost)
