"""The work of a scoring job: what a model answers by how probable it finds the choices of an item."""

from __future__ import annotations

import time

from zoo.checkpoints import load
from zoo.experiments.results.records import Cost, TaskResult, Truncation
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.scoring import Answered, planned_data, scored
from zoo.inference.text_scores import preferred
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.tasks.kinds import task_kind


def score(work: JobContext) -> TaskResult:
    """Predict every dev split with the model as it was pre-trained."""
    task, dataset = planned_data(work)
    compute = work.how.compute
    reset_peak_memory(compute.torch_device)
    model = load(work.start(), catalog=work.catalog).to(compute.torch_device)
    began = time.perf_counter()
    with compute.autocast():
        made = {split: preferred(model, task_kind(task), dataset.splits[split]) for split in task.dev_splits}
    cost = Cost(seconds=time.perf_counter() - began, peak_bytes=peak_memory(compute.torch_device))
    work.progress(1, 1)
    return scored(
        work,
        Answered({split: predictions for split, (predictions, _) in made.items()}),
        steps=0,
        truncated={
            split: Truncation(cut=n_cut, items=len(predictions), length=model.variant.dims.max_length)
            for split, (predictions, n_cut) in made.items()
        },
        cost=cost,
    )
