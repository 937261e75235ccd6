"""Do one job, in whatever process it is given to; try again with smaller batches where memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import torch

from zoo.core.errors import RunFailed, ZooError
from zoo.core.seeds import seed_of
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, ModelResult, TaskResult
from zoo.experiments.runner.context import JobContext
from zoo.registry.catalog import Catalog
from zoo.train.loop import Execution, Progress, TooFewSequences

MOST_TURNS = 64
"""Parts that a batch is taken in before a lack of memory is taken for final."""

OUT_OF_MEMORY = "out of memory, with each batch in {} turn(s); try fewer workers or a smaller model"

WORK: Mapping[str, str] = MappingProxyType(
    {
        "pretrain": "zoo.experiments.runner.pretrain_job:pretrain",
        "take over": "zoo.experiments.runner.take_over_job:take_over",
        "finetune": "zoo.experiments.runner.finetune_job:finetune",
        "baseline": "zoo.experiments.runner.baseline_job:baseline",
    }
)
"""The function that does a job of each kind."""


def attempt(
    catalog: Catalog, plan: Plan, job: Job, folder: Path, progress: Progress
) -> ModelResult | TaskResult | FailedResult:
    """A job's result, or the reason why there is none."""
    try:
        return run_job(catalog, plan, job, folder, progress)
    except ZooError as error:
        return FailedResult(job=job, reason=str(error))
    except Exception as error:
        return FailedResult(job=job, reason=f"{type(error).__name__}: {' '.join(str(error).split())}")


def run_job(catalog: Catalog, plan: Plan, job: Job, folder: Path, progress: Progress) -> ModelResult | TaskResult:
    """Do a job; where memory runs out, again with each batch taken in twice as many turns.

    Raises RunFailed or ZooError where it cannot be finished.
    """
    torch.set_num_threads(plan.threads)
    work = _work(plan, job)
    turns = 1
    while True:
        try:
            how = Execution(accumulate=turns, precision=plan.precision, seed=seed_of("steps", job.kind, job.seed))
            return work(JobContext(catalog, plan, job, folder, progress, how))
        except TooFewSequences:
            raise RunFailed(OUT_OF_MEMORY.format(turns // 2)) from None
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
        if job.kind == "baseline" or turns == MOST_TURNS:
            raise RunFailed(OUT_OF_MEMORY.format(turns))
        turns *= 2


def _work(plan: Plan, job: Job) -> Callable[[JobContext], ModelResult | TaskResult]:
    kind = "take over" if job.kind == "pretrain" and job.system in plan.checkpoints else job.kind
    module, _, name = WORK[kind].partition(":")
    work: Callable[[JobContext], ModelResult | TaskResult] = getattr(import_module(module), name)
    return work


def _is_out_of_memory(error: Exception) -> bool:
    """PyTorch has a type of its own for accelerators only (DefaultCPUAllocator raises a plain RuntimeError)."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
