"""The work of a job that starts from a checkpoint in place of pre-training."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from zoo.checkpoints import load
from zoo.core.errors import ZooError
from zoo.core.meta import without_memory
from zoo.experiments.plan.make import refuse_changed
from zoo.experiments.results.records import ModelResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.model_statistics import untrained_result
from zoo.machine.memory import reset_peak_memory
from zoo.model import Model
from zoo.weights.folder import CheckpointFolder


def take_over(work: JobContext) -> ModelResult:
    """Copy trained weights into the run, in float32, in place of training them."""
    catalog, plan, job = work.catalog, work.plan, work.job
    asked, planned = plan.variant(job.system), plan.checkpoints[job.system]
    reset_peak_memory(work.how.compute.torch_device)
    began = time.perf_counter()
    folder = CheckpointFolder(Path(planned.folder))
    refuse_changed(plan, job.system, folder)
    model = load(folder, dtype=torch.float32, catalog=catalog)
    with without_memory():
        wanted = catalog.assemble(asked)
    if _shapes(wanted) != _shapes(model):
        raise ZooError(
            f"{asked.name} does not fit the weights in {planned.folder}; do not change anything they depend on"
        )
    model.variant = asked
    return untrained_result(work, model, f"the weights of {planned.folder}", planned.content_hash, began)


def _shapes(model: Model) -> dict[str, torch.Size]:
    """The shapes of the weights below a task head."""
    return {n: tensor.shape for n, tensor in model.state_dict().items() if not n.startswith("objectives.")}
