"""The cost of a plan, estimated from a dry run: every variant for a few steps, in a temporary folder.

What was measured on a quiet machine is kept for a day, by everything that it depends on, for the next dry runs.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from zoo.core.errors import RunFailed
from zoo.core.specs import Variant
from zoo.experiments.plan.cache_key import cache_key
from zoo.experiments.plan.corpus import MicroworldCorpus
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.make import with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.folder import Stored, read_waiting, result_path, write_result
from zoo.experiments.results.records import FailedResult
from zoo.experiments.runner.job import attempt
from zoo.experiments.runner.job_store import JobStore
from zoo.experiments.runner.measured_cost import MeasuredCost, kept_cost
from zoo.machine.environment import environment
from zoo.registry.catalog import Catalog

IF_UNDECIDED = "if undecided"
"""The state of a job for seeds that may turn out not to be needed."""

DRY_STEPS = 4
DRY_BATCH = 2_048
"""The most tokens in a batch of a dry pre-training; time is proportional to tokens."""


@dataclass(frozen=True)
class PlannedWork:
    """A job, its state, and the seconds that it will take if it is still to do."""

    job: Job
    state: str
    seconds: float

    @property
    def is_certain(self) -> bool:
        """Whether it is to do in any case."""
        return self.state == "to do"


@dataclass(frozen=True)
class Estimate:
    """The work to do and its cost: wall seconds with so many workers, bytes on disk, bytes per worker.

    `least_seconds` are those of the jobs that are needed in any case; with a fixed number of seeds, all. `kept_since`
    is when the oldest of the costs was measured that an earlier dry run has kept, in seconds since 1970; None if there
    are none.
    """

    work: tuple[PlannedWork, ...]
    seconds: float
    least_seconds: float
    disk_bytes: int
    memory_bytes: int
    workers: int
    kept_since: float | None = None


def estimate(
    catalog: Catalog,
    plan: Plan,
    folder: Path,
    *,
    workers: int,
    reuse: Sequence[Path] = (),
    needed: Collection[Job] | None = None,
) -> Estimate:
    """Try the jobs that are to do; those that are not among the `needed` only follow if a difference is undecided.

    Raises RunFailed if that fails, ZooError as a run would.
    """
    states = JobStore(plan, folder, environment(catalog, plan.compute), reuse).states()
    to_do = [job for job in plan.jobs if states[job.name] == "to do"]
    with TemporaryDirectory() as stage:
        dry_run = _DryRun(catalog, plan, Path(stage))
        try:
            seconds = {job.name: dry_run.seconds(job) for job in to_do}
        except KeyboardInterrupt as stop:
            stop.args = ()  # it may speak of a checkpoint, which is deleted with the rest
            raise
        disk = sum(dry_run.disk_bytes(job) for job in to_do)
        memory, kept_since = dry_run.most_memory, dry_run.kept_since

    def finished_after(job: Job) -> float:
        """Seconds with as many workers as jobs."""
        return max(map(finished_after, plan.needs(job)), default=0.0) + seconds.get(job.name, 0.0)

    def wall(jobs: Collection[Job]) -> float:
        total = sum(seconds[job.name] for job in jobs)
        return max([total / max(1, workers), *map(finished_after, jobs)], default=0.0)

    certain = {*to_do} & {*(plan.jobs if needed is None else needed)}
    states |= {job.name: IF_UNDECIDED for job in to_do if job not in certain}
    work = tuple(PlannedWork(job, states[job.name], seconds.get(job.name, 0.0)) for job in plan.jobs)
    return Estimate(work, wall(to_do), wall(certain), disk, memory, workers, kept_since)


class _DryRun:
    """Each kind of job with each variant, once and short."""

    def __init__(self, catalog: Catalog, plan: Plan, stage: Path) -> None:
        self._catalog, self._plan, self._stage = catalog, plan, stage
        corpus = plan.corpus.sample() if isinstance(plan.corpus, MicroworldCorpus) else plan.corpus
        variants, teachers = (tuple(map(_shortened, each)) for each in (plan.variants, plan.teachers))
        self._short = plan.model_copy(
            update={"variants": variants, "teachers": teachers, "task_steps": {}, "corpus": corpus}
        )
        self._place = environment(catalog, self._short.compute)
        self._measured_now: dict[str, MeasuredCost] = {}
        self._costs: dict[str, MeasuredCost] = {}
        self.kept_since: float | None = None
        (stage / "jobs").mkdir()

    @property
    def most_memory(self) -> int:
        """The most bytes that a job has held."""
        return max((cost.memory_bytes for cost in self._costs.values()), default=0)

    def seconds(self, job: Job) -> float:
        """How long a job will take, steps by their tokens and the rest by its text."""
        kind = kind_of(job)
        untried = kind.untried_seconds(self._plan, job)
        if untried is not None:
            return untried
        done = self._measured(job)
        short = kind.representative(self._short, job)
        measured = kind_of(short)
        text = kind.text(self._plan, job) / measured.text(self._short, short)
        steps = kind.size(self._plan, job) / measured.size(self._short, short)
        return done.fixed + done.text * text + done.steps * steps

    def disk_bytes(self, job: Job) -> int:
        """What a job will leave on disk; next to nothing if it is not tried."""
        return 0 if kind_of(job).untried_seconds(self._plan, job) is not None else self._measured(job).disk_bytes

    def _measured(self, job: Job) -> MeasuredCost:
        """The cost of its short job, from the user's cache if it is kept there."""
        short = kind_of(job).representative(self._short, job)
        if short.name not in self._costs:
            key = self._key(short)
            found = kept_cost(key)
            if found is None:
                found = self._run(short)
                found.keep(key)
            else:
                self.kept_since = min(found.at, self.kept_since or found.at)
            self._costs[short.name] = found
        return self._costs[short.name]

    def _key(self, short: Job) -> str:
        """What its cost depends on: of the seed, only whether it is the first, which also measures latency."""
        first = self._short.seeds[0]
        alike = short.model_copy(update={"seed": first}) if short.seed in self._short.seeds else short
        return f"{cache_key(self._short, alike, self._place)[:32]}{'-first' * (short.seed == first)}"

    def _run(self, short: Job) -> MeasuredCost:
        for needed in self._short.needs(short):
            self._run(needed)
        if short.name not in self._measured_now:
            self._measured_now[short.name] = self._measure(short)
        return self._measured_now[short.name]

    def _measure(self, job: Job) -> MeasuredCost:
        steps: list[float] = []
        began, worked = time.perf_counter(), time.process_time()
        key = cache_key(self._short, job, self._place)
        result = read_waiting(self._stage, self._short, job, key) or attempt(
            self._catalog, self._short, job, self._stage, lambda done, total: steps.append(time.perf_counter())
        )
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        if isinstance(result, FailedResult):
            raise RunFailed(f"the dry run of {job.name} failed: {result.reason}")
        write_result(self._stage, result)
        taken = [later - earlier for earlier, later in pairwise(steps)]
        in_steps = len(steps) * median(taken) if taken else 0.0  # the first step of a process is slower
        text = max(0.0, result.cost.seconds - in_steps)
        size = result_path(self._stage, job).stat().st_size
        if kind_of(job).keeps_model(self._plan, job) and (model := Stored(self._stage, self._plan, result).model):
            size += sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
        return MeasuredCost(
            fixed=max(0.0, seconds - in_steps - text),
            text=text,
            steps=in_steps,
            disk_bytes=size,
            memory_bytes=result.cost.peak_bytes,
            at=time.time(),
            busy=worked / seconds,
        )


def _shortened(variant: Variant) -> Variant:
    recipe = variant.pretraining
    batch = max(recipe.sequence_length, min(recipe.batch_tokens, DRY_BATCH))
    pretraining = recipe.model_copy(update={"batch_tokens": batch})
    shorter = variant.model_copy(update={"pretraining": pretraining})
    return with_budget(shorter, min(recipe.tokens, batch * DRY_STEPS), DRY_STEPS)
