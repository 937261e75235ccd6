"""The time that a run still takes: jobs weighed by their operations, and speeds learned while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from statistics import fmean
from time import monotonic

from zoo.core.specs import Dims
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.progress import clock_time

OVERHEAD = 150_000.0
"""Multiplications that a token costs beside those of its model, which decides in models of a few layers."""

PREDICTED = 0.15
"""The share of tokens that pre-training predicts."""

PRIOR = 0.3
"""How much of a job must be seen before its own speed counts as much as that of others."""


@dataclass
class _Progress:
    """How much of a job is done; when it was started; the share of its steps that was seen, in how many seconds; and
    what else it took, as loading before its steps and scoring after them.
    """

    work: float
    done: float = 0.0
    started: float | None = None
    first: float = 0.0
    began: float = 0.0
    seen: float = 0.0
    seconds: float = 0.0
    besides: float | None = None
    running: bool = False


class Forecast:
    """What is left of a run, in work and in seconds; the clock may be any that counts seconds."""

    def __init__(
        self,
        work: Callable[[Job], float],
        needs: Callable[[Job], Sequence[Job]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`work` says how much work a job is, in any unit, and `needs` which jobs must be done before it."""
        self._work, self._needs, self._clock, self._began = work, needs, clock, clock()
        self._shown: tuple[float, float | None] = -1.0, None
        self._jobs: dict[Job, _Progress] = {}
        self._most_running = 1

    def admit(self, jobs: Iterable[Job]) -> None:
        """More jobs are to be done."""
        self._jobs |= {job: _Progress(self._work(job)) for job in jobs}

    def started(self, job: Job) -> None:
        """A job was begun, now."""
        self._jobs[job].started = self._clock()

    def moved(self, job: Job, share: float) -> None:
        """A share of a job is done; what was done before it was first seen says nothing of its speed."""
        at, now = self._jobs[job], self._clock()
        if not at.running:
            at.running, at.began, at.first = True, now, share
            self._most_running = max(self._most_running, sum(each.running for each in self._jobs.values()))
        at.done, at.seen, at.seconds = share, share - at.first, now - at.began

    def ended(self, job: Job, *, failed: bool = False) -> None:
        """A job is done; what it took counts for others, if it was started and did not fail."""
        at = self._jobs[job]
        at.done, at.running = 1.0, False
        if at.started is not None and not failed:
            stepping = at.seconds / at.seen if at.seen else 0.0
            at.besides = max(0.0, self._clock() - at.started - stepping)

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
        if self.done == self.work:
            return 0.0
        pace = _Pace(self._jobs)
        if not pace.known:
            return None
        rest = {job: pace.left(job, at) for job, at in self._jobs.items() if at.done < 1}
        running = {job for job in rest if self._jobs[job].running}
        return _last_end(rest, running, self._needs, max(self._most_running, len(running)))

    def __str__(self) -> str:
        if self.elapsed >= self._shown[0] + 1 or self.done == self.work:
            self._shown = self.elapsed, self.left
        left = self._shown[1]
        return f"{clock_time(self.elapsed)}, {'?' if left is None else clock_time(left)} left"


class _Pace:
    """What was seen: seconds per work of each kind of job and system, and the seconds that each kind takes besides."""

    def __init__(self, jobs: Mapping[Job, _Progress]) -> None:
        self._seen: dict[tuple[str, ...], tuple[float, float]] = {}
        self._besides: dict[tuple[str, ...], list[float]] = {}
        sizes: dict[tuple[str, ...], list[float]] = {}
        for job, at in jobs.items():
            for group in _groups(job):
                work, seconds = self._seen.get(group, (0.0, 0.0))
                self._seen[group] = work + at.work * at.seen, seconds + at.seconds
                sizes.setdefault(group, []).append(at.work)
                if at.besides is not None:
                    self._besides.setdefault(group, []).append(at.besides)
        self._prior = {group: PRIOR * fmean(works) for group, works in sizes.items()}

    @property
    def known(self) -> bool:
        """Whether a speed was seen."""
        work, seconds = self._seen[()]
        return work > 0 and seconds > 0

    def left(self, job: Job, at: _Progress) -> float:
        """The seconds that a job still takes, at the speed of those that are most alike."""
        _, kind, both = _groups(job)
        besides = fmean(self._besides.get(both) or self._besides.get(kind) or [0.0])
        if kind in self._besides and not self._seen[kind][0]:
            return besides
        work, seconds = self._seen[()]
        rate = seconds / work
        for group in (kind, both):
            work, seconds = self._seen[group]
            if weight := work + self._prior[group]:  # none of jobs that take no steps, as transfers
                rate = (seconds + self._prior[group] * rate) / weight
        return rate * at.work * (1 - at.done) + (0.0 if at.running else besides)


def _last_end(
    seconds: Mapping[Job, float], running: Set[Job], needs: Callable[[Job], Sequence[Job]], slots: int
) -> float:
    """When all jobs are done, if each slot takes the first job whose needs are done."""
    unmet = {job: sum(needed in seconds for needed in needs(job)) for job in seconds}
    order = {job: place for place, job in enumerate(seconds)}
    dependents: dict[Job, list[Job]] = {}
    for job in seconds:
        for needed in needs(job):
            dependents.setdefault(needed, []).append(job)
    ready = [place for job, place in order.items() if not unmet[job] and job not in running]
    at_work = [(seconds[job], order[job]) for job in running]
    jobs, now = list(seconds), 0.0
    heapify(at_work)
    while at_work or ready:
        while ready and len(at_work) < slots:
            job = jobs[heappop(ready)]
            heappush(at_work, (now + seconds[job], order[job]))
        now, place = heappop(at_work)
        for job in dependents.get(jobs[place], ()):
            unmet[job] -= 1
            if not unmet[job]:
                heappush(ready, order[job])
    return now


def _groups(job: Job) -> tuple[tuple[str, ...], ...]:
    """From all jobs to those that are most like one."""
    return (), (job.kind,), (job.kind, job.system)


def work_of(plan: Plan, job: Job) -> float:
    """The work of a job, in multiplications of forward passes."""
    dims = next((variant.dims for variant in plan.trained if variant.name == job.system), None)
    return kind_of(job).size(plan, job) * per_token(dims, pretrains=kind_of(job).makes == "model")


def per_token(dims: Dims | None, *, pretrains: bool) -> float:
    """The multiplications of a token; those of its layers only if their sizes are known."""
    if dims is None:
        return OVERHEAD
    width, inner = dims.hidden_width, dims.ffn_width or 2 * dims.hidden_width
    predictions = PREDICTED * dims.vocab_size * dims.embedding_width if pretrains else 0.0
    return OVERHEAD + dims.n_layers * width * (4 * width + 2 * inner) + predictions
