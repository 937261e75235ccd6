"""The time that a run still takes: jobs weighed by their operations, and speeds learnt while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from zoo.core.specs import Dims
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.progress import clock_time

OVERHEAD = 300_000.0
"""Multiplications that a token costs beside those of its model, which decides in models of a few layers."""

PREDICTED = 0.15
"""The share of tokens that pre-training predicts."""

PRIOR = 0.3
"""How much of a job must be seen before its own speed counts as much as that of others."""


@dataclass
class _Progress:
    """How much of a job is done, and what was seen of it: shares of its work, and seconds."""

    work: float
    done: float = 0.0
    first: float = 0.0
    began: float = 0.0
    seen: float = 0.0
    seconds: float = 0.0
    running: bool = False


class Forecast:
    """What is left of a run, in work and in seconds; the clock may be any that counts seconds."""

    def __init__(self, plan: Plan, clock: Callable[[], float] = monotonic) -> None:
        self._plan, self._clock, self._began = plan, clock, clock()
        self._jobs: dict[Job, _Progress] = {}
        self._most_running = 1

    def admit(self, jobs: Iterable[Job]) -> None:
        """More jobs are to be done."""
        self._jobs |= {job: _Progress(work_of(self._plan, job)) for job in jobs}

    def moved(self, job: Job, share: float) -> None:
        """A share of a job is done; what was done before it was first seen says nothing of its speed."""
        at, now = self._jobs[job], self._clock()
        if not at.running:
            at.running, at.began, at.first = True, now, share
            self._most_running = max(self._most_running, sum(each.running for each in self._jobs.values()))
        at.done, at.seen, at.seconds = share, share - at.first, now - at.began

    def ended(self, job: Job, seconds: float | None) -> None:
        """A job is done, in so many seconds; None if its result was there before."""
        at = self._jobs[job]
        at.done, at.running = 1.0, False
        at.seen, at.seconds = (0.0, 0.0) if seconds is None else (1.0, seconds)

    @property
    def work(self) -> float:
        """The work of all jobs."""
        return sum(at.work for at in self._jobs.values())

    @property
    def done(self) -> float:
        """The work that is done."""
        return sum(at.work * at.done for at in self._jobs.values())

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    @property
    def left(self) -> float | None:
        """Seconds until all is done; None while nothing was seen."""
        pace = _Pace(self._jobs)
        if not pace.known:
            return None
        rest = [pace.seconds_per_work(job) * at.work * (1 - at.done) for job, at in self._jobs.items() if at.done < 1]
        return max(sum(rest) / self._most_running, max(rest, default=0.0))

    def __str__(self) -> str:
        left = self.left
        return f"{clock_time(self.elapsed)}, {'?' if left is None else clock_time(left)} left"


class _Pace:
    """Seconds per work of each kind of job and system: as seen of these, and before that as of what is most alike."""

    def __init__(self, jobs: dict[Job, _Progress]) -> None:
        self._seen: dict[tuple[str, ...], tuple[float, float]] = {}
        self._mean: dict[tuple[str, ...], float] = {}
        sizes: dict[tuple[str, ...], list[float]] = {}
        for job, at in jobs.items():
            for group in ((), (job.kind,), (job.kind, job.system)):
                work, seconds = self._seen.get(group, (0.0, 0.0))
                self._seen[group] = work + at.work * at.seen, seconds + at.seconds
                sizes.setdefault(group, []).append(at.work)
        self._mean = {group: sum(works) / len(works) for group, works in sizes.items()}

    @property
    def known(self) -> bool:
        """Whether anything was seen."""
        work, seconds = self._seen.get((), (0.0, 0.0))
        return work > 0 and seconds > 0

    def seconds_per_work(self, job: Job) -> float:
        """Of a job that is like this one."""
        work, seconds = self._seen[()]
        rate = seconds / work
        for group in ((job.kind,), (job.kind, job.system)):
            work, seconds = self._seen[group]
            prior = PRIOR * self._mean[group]
            rate = (seconds + prior * rate) / (work + prior)
        return rate


def work_of(plan: Plan, job: Job) -> float:
    """The work of a job, in multiplications of forward passes."""
    dims = next((variant.dims for variant in plan.variants if variant.name == job.system), None)
    per_token = OVERHEAD + (_of_layers(dims) if dims else 0.0)
    if dims and job.task is None:
        per_token += PREDICTED * dims.vocab_size * dims.embedding_width
    return kind_of(job).size(plan, job) * per_token


def _of_layers(dims: Dims) -> float:
    width = dims.hidden_width
    return float(dims.n_layers * width * (4 * width + 2 * (dims.ffn_width or 2 * width)))
