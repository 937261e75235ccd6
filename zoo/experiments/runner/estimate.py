"""What a plan will take, from a rehearsal: every variant for a few steps, in a folder that is thrown away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from zoo.core.errors import RunFailed
from zoo.core.specs import Variant
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.make import with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.folder import result_path, write_result
from zoo.experiments.results.records import FailedResult, ModelResult, TaskResult
from zoo.experiments.runner.job import attempt
from zoo.experiments.runner.job_store import JobStore
from zoo.machine.environment import environment
from zoo.registry.catalog import Catalog
from zoo.train.finetune import n_steps

REHEARSED_STEPS = 5
REHEARSED_BATCH = 4_096
"""Tokens at most in a rehearsed pre-training batch; time goes by tokens."""


@dataclass(frozen=True)
class PlannedWork:
    """A job, whether it is to do, and the seconds that it will take then."""

    job: Job
    state: str
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """What is to do and what it will take: wall seconds with so many workers, bytes on disk, bytes a worker holds."""

    work: tuple[PlannedWork, ...]
    seconds: float
    disk_bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class _Rehearsed:
    """What a job took: whatever its task, for its texts, for its steps; and what it took on disk and in memory."""

    fixed: float
    reading: float
    steps: float
    disk_bytes: int
    memory_bytes: int


def forecast(catalog: Catalog, plan: Plan, folder: Path, *, workers: int, reuse: Sequence[Path] = ()) -> Forecast:
    """Rehearse what is to do. Raises RunFailed where the rehearsal does, ZooError as a run would."""
    ledger = JobStore(plan, folder, environment(catalog, plan.threads), reuse)
    states = ledger.states()
    open_jobs = [job for job in plan.jobs if states[job.name] == "to do"]
    with TemporaryDirectory() as stage:
        stand_in = _Rehearsal(catalog, plan, Path(stage))
        seconds = {job.name: stand_in.seconds(job) for job in open_jobs}
        disk = sum(stand_in.disk_bytes(job) for job in open_jobs)
        memory = stand_in.most_memory
    chains = [
        seconds.get(plan.pretraining_of(job).name, 0.0) + seconds[job.name]
        for job in open_jobs
        if job.kind != "baseline"
    ]
    wall = max([sum(seconds.values()) / max(1, workers), *chains], default=0.0)
    work = tuple(PlannedWork(job, states[job.name], seconds.get(job.name, 0.0)) for job in plan.jobs)
    return Forecast(work, wall, disk, memory)


class _Rehearsal:
    """Each variant's pre-training and its fine-tuning on the smallest task, once and short."""

    def __init__(self, catalog: Catalog, plan: Plan, stage: Path) -> None:
        self._catalog, self._plan, self._stage = catalog, plan, stage
        self._short = plan.model_copy(update={"variants": tuple(_shortened(variant) for variant in plan.variants)})
        self._done: dict[str, _Rehearsed] = {}
        (stage / "jobs").mkdir()
        data = Path(plan.data_folder) if plan.data_folder else None
        self._texts: dict[str, int] = {}
        self._n_items: dict[str, int] = {}
        for planned in plan.tasks:
            task = catalog.task(planned.name)
            splits = task.load(data).splits
            self._n_items[planned.name] = planned.n_training
            self._texts[planned.name] = sum(
                len(item.first) + len(item.second or "") for items in splits.values() for item in items
            )
        self._smallest = min(self._texts, key=self._texts.__getitem__)

    @property
    def most_memory(self) -> int:
        """The most bytes that a rehearsed job has held."""
        return max((done.memory_bytes for done in self._done.values()), default=0)

    def seconds(self, job: Job) -> float:
        """How long a job will take, a task's time going by the length of its texts."""
        done = self._rehearsed(job)
        if job.kind != "finetune":
            return done.fixed + done.steps * (self._tokens(self._plan, job) / self._tokens(self._short, job))
        steps = n_steps(self._plan.finetuning_of(job), self._n_items[str(job.task)])
        step = done.steps / REHEARSED_STEPS * self._ratio(job, mean=True)
        return done.fixed + done.reading * self._ratio(job, mean=False) + step * steps

    def disk_bytes(self, job: Job) -> int:
        """What a job will leave on disk."""
        return self._rehearsed(job).disk_bytes

    def _tokens(self, plan: Plan, job: Job) -> int:
        """The tokens of a pre-training; for anything else, which has no steps, 1."""
        return plan.variant(job.system).pretraining.tokens if job.kind == "pretrain" else 1

    def _ratio(self, job: Job, mean: bool) -> float:
        """How much longer a task's texts are than the smallest task's, in all or on the average."""
        task, smallest = str(job.task), self._smallest
        ratio = self._texts[task] / max(1, self._texts[smallest])
        return ratio * self._n_items[smallest] / self._n_items[task] if mean else ratio

    def _rehearsed(self, job: Job) -> _Rehearsed:
        if job.kind == "finetune":
            self._rehearsed(self._plan.pretraining_of(job))
            job = Job(kind="finetune", system=job.system, task=self._smallest, seed=self._plan.seeds[0])
        if job.name not in self._done:
            self._done[job.name] = self._rehearse(job)
        return self._done[job.name]

    def _rehearse(self, job: Job) -> _Rehearsed:
        steps: list[float] = []
        began = time.perf_counter()
        result = attempt(
            self._catalog, self._short, job, self._stage, lambda done, total: steps.append(time.perf_counter())
        )
        seconds = time.perf_counter() - began
        if isinstance(result, FailedResult):
            raise RunFailed(f"the rehearsal of {job.name} failed: {result.reason}")
        write_result(self._stage, result)
        taken = [later - earlier for earlier, later in pairwise(steps)]
        in_steps = len(steps) * median(taken) if taken else 0.0  # the first step of a process is no measure
        reading = max(0.0, result.cost.seconds - in_steps) if job.kind == "finetune" else 0.0
        size = result_path(self._stage, job).stat().st_size + _beside(self._stage, result)
        fixed = max(0.0, seconds - in_steps - reading)
        return _Rehearsed(fixed, reading, in_steps, size, result.cost.peak_bytes)


def _beside(stage: Path, result: ModelResult | TaskResult) -> int:
    """The bytes of the checkpoint that a job leaves."""
    place = stage / (result.checkpoint if isinstance(result, ModelResult) else f"finetuned/{result.job.name}")
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _shortened(variant: Variant) -> Variant:
    recipe = variant.pretraining
    batch = max(recipe.sequence_length, min(recipe.batch_tokens, REHEARSED_BATCH))
    pretraining = recipe.model_copy(update={"batch_tokens": batch})
    shorter = variant.model_copy(update={"pretraining": pretraining})
    return with_budget(shorter, min(recipe.tokens, batch * REHEARSED_STEPS), REHEARSED_STEPS)
