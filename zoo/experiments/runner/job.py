"""Run one job, in any process; if memory runs out, retry alone, then with smaller micro-batches."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from zoo.blocks.kernels import kernels_taken
from zoo.core.errors import RunFailed, ZooError
from zoo.core.seeds import seed_of
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Finished, Result
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.placement import Share, WholeDevice, release_memory, wants_alone
from zoo.machine.failures import is_out_of_memory, not_deterministic
from zoo.registry.catalog import Catalog
from zoo.train.loop import Progress
from zoo.train.step import StepConfig, TooFewSequences

MOST_MICRO_BATCHES = 64
"""The most micro-batches per batch before giving up for lack of memory."""

OUT_OF_MEMORY = "out of memory, with each batch in {} micro-batch(es); try fewer workers or a smaller model"


def attempt(
    catalog: Catalog,
    plan: Plan,
    job: Job,
    folder: Path,
    progress: Progress,
    cache: Path | None = None,
    share: Share | None = None,
) -> Result:
    """A job's result, or the reason why there is none; `cache` is the folder of tokenized text, if not in the run.
    `share` is the device as this process has it, alone by default.
    """
    try:
        return run_job(catalog, plan, job, folder, progress, cache, share)
    except ZooError as error:
        return FailedResult(job=job, reason=str(error))
    except Exception as error:
        told = not_deterministic(error) or f"{type(error).__name__}: {' '.join(str(error).split())}"
        return FailedResult(job=job, reason=told)


def run_job(
    catalog: Catalog,
    plan: Plan,
    job: Job,
    folder: Path,
    progress: Progress,
    cache: Path | None = None,
    share: Share | None = None,
) -> Finished:
    """Run a job; if memory runs out, retry with the device alone, then with twice as many micro-batches per batch.

    Raises RunFailed or ZooError if it cannot be finished.
    """
    plan.compute.begin()
    catalog, work = catalog.with_tasks(plan.own_tasks), _work(job)
    share = share or WholeDevice()
    alone, n_micro = wants_alone(plan, job, share), 1
    while True:
        try:
            how = StepConfig(
                plan.compute, gradient_accumulation_steps=n_micro, seed=seed_of("steps", job.kind, job.seed)
            )
            with share.taken(alone), kernels_taken() as kernels:
                result = work(JobContext(catalog, plan, job, folder, progress, how, cache))
            cost = result.cost.model_copy(update={"kernels": tuple(sorted(kernels))})
            return result.model_copy(update={"cost": cost})
        except TooFewSequences:
            raise RunFailed(OUT_OF_MEMORY.format(n_micro // 2)) from None
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        finally:
            release_memory()
        release_memory(after_failure=True)
        if not alone:
            alone = True
            continue
        if not kind_of(job).has_steps or n_micro == MOST_MICRO_BATCHES:
            raise RunFailed(OUT_OF_MEMORY.format(n_micro))
        n_micro *= 2


def _work(job: Job) -> Callable[[JobContext], Finished]:
    """The function that runs a job: named after its kind, in the file of that name."""
    work: Callable[[JobContext], Finished] = getattr(import_module(f"{__package__}.{job.kind}_job"), job.kind)
    return work
