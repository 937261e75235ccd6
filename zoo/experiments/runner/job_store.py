"""The state of jobs and who runs them, stored in the run folder so that several runs can share it."""

from __future__ import annotations

import shutil
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path

from filelock import FileLock, Timeout

from zoo.core.diff import diff
from zoo.core.errors import RunFailed, ZooError
from zoo.core.files import sweep
from zoo.experiments.plan.cache_key import cache_key, cache_keys
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan, read_plan
from zoo.experiments.results.beside_models import write_provenance_of
from zoo.experiments.results.folder import (
    SHARED,
    UNFINISHED,
    Stored,
    read_result,
    read_waiting,
    result_path,
    results_by_key,
    write_result,
)
from zoo.experiments.results.gold_labels import by_task, read_gold
from zoo.experiments.results.records import FailedResult, Finished, ModelResult, Result
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.reuse import adopted
from zoo.machine.environment import Environment


@dataclass(frozen=True)
class Recorded:
    """A new result; `reused` if it existed before, or another run made it."""

    result: Result
    reused: bool


class JobStore:
    """The jobs of one run, all of its plan if not given. A job is acquired under a lock that its owner's death
    releases.

    Raises ZooError if a result in the folder was made by other code or on another kind of machine.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        place: Environment,
        reuse: Sequence[Path] = (),
        jobs: Sequence[Job] | None = None,
    ) -> None:
        self.waiting_elsewhere = False
        self._plan, self._folder, self._place = plan, folder, place
        self._keys = cache_keys(plan, place)
        self._needs = {job.name: plan.needs(job) for job in plan.jobs}
        self._reusable = {key: stored for key, stored in results_by_key(reuse).items() if self._is_whole(stored)}
        self._results: dict[str, Result] = {}
        self._locks: dict[str, FileLock] = {}
        self._read = {job.name: found for job in plan.jobs if (found := read_result(folder, plan, job))}
        self._old_failures = {
            name: result_path(folder, found.job).stat().st_mtime_ns
            for name, found in self._read.items()
            if isinstance(found, FailedResult)
        }
        self._admitted: list[Job] = []
        self.waiting: dict[str, Job] = {}
        self._order: dict[str, int] = {}
        self._unmet: dict[str, set[str]] = {}
        self._dependents: dict[str, list[Job]] = defaultdict(list)
        self._startable: list[int] = []
        """A heap of the places of jobs whose inputs are there, so that no job is looked at for another's sake."""
        self._unsure: deque[Job] = deque()
        """Jobs that may be done, or in need of a failed one."""
        self.admit(plan.jobs if jobs is None else jobs)

    def admit(self, jobs: Iterable[Job]) -> list[Job]:
        """Take in jobs of the plan, to be done in this order, each after those that it needs; returns the new ones."""
        new = [job for job in jobs if job.name not in self._order]
        for job in new:
            name = job.name
            self._order[name] = len(self._order)
            self._admitted.append(job)
            self.waiting[name] = job
            self._unsure.append(job)
            self._unmet[name] = {needed.name for needed in self._needs[name] if not self._is_finished(needed)}
            for needed in self._unmet[name]:
                self._dependents[needed].append(job)
            if not self._unmet[name]:
                heappush(self._startable, self._order[name])
        return new

    def _is_finished(self, job: Job) -> bool:
        return not isinstance(self._results.get(job.name), FailedResult | None)

    def states(self) -> dict[str, str]:
        """By job, whether it is done, can be reused from another run or an equal job, or is to do."""
        known, states = set(self._reusable), {}
        for job in self._plan.jobs:
            there = "to be reused" if self._keys[job.name] in known else "to do"
            states[job.name] = there if self._there(job) is None else "done"
            known.add(self._keys[job.name])
        return states

    def completed(self) -> list[Recorded]:
        """Jobs that need no more work: those finished by now, and those that need a failed job."""
        found = []
        while self._unsure:
            job = self._unsure.popleft()
            if job.name in self.waiting and (result := self._there(job) or self._blocked(job)) is not None:
                del self.waiting[job.name]
                self._know(result)
                found.append(Recorded(result, True))
        return found

    def acquire(self) -> Job | None:
        """The next job that can run now and that no other run has, or None."""
        passed_over: list[int] = []
        try:
            return self._first_free(passed_over)
        finally:
            for place in passed_over:
                heappush(self._startable, place)

    def _first_free(self, passed_over: list[int]) -> Job | None:
        self.waiting_elsewhere = False
        jobs, at_work = self._admitted, {self._keys[name] for name in self._locks}
        while self._startable:
            place = heappop(self._startable)
            job = jobs[place]
            if job.name not in self.waiting:
                continue
            if self._keys[job.name] in at_work:  # an equal job, whose result will also be this one's
                passed_over.append(place)
            elif (lock := self._lock(job)) is None:  # another run does it, or has done it
                self.waiting_elsewhere = True
                self._unsure.append(job)
                passed_over.append(place)
            else:
                self._locks[job.name] = lock
                del self.waiting[job.name]
                return job
        return None

    def _lock(self, job: Job) -> FileLock | None:
        """A job's lock, acquired; None if another run has it, or the job is done."""
        lock = FileLock(self._folder / "jobs" / f".{job.name}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        except OSError as error:
            raise RunFailed(f"cannot lock {lock.lock_file}: {error.strerror}; what was finished is kept") from error
        if self._there(job) is not None:
            lock.release()
            return None
        return lock

    def record(self, job: Job, result: Result) -> Recorded:
        """Store an acquired job's result; if the disk refuses it, the job has failed."""
        if not isinstance(result, FailedResult):
            result = self._checked(result)
        result = self._written(result)
        self._know(result)
        lock = self._locks.pop(job.name)
        Path(lock.lock_file).unlink(missing_ok=True)  # before it is released, and after the result is visible
        lock.release()
        return Recorded(result, False)

    def close(self) -> None:
        """Release what was acquired; when all is done, and no run has extended this one, clean up after killed runs."""
        for lock in self._locks.values():
            lock.release()
        if self.waiting or self._locks:
            return
        if read_plan(self._folder / "plan.json").content_hash == self._plan.content_hash:
            for name in ("jobs", "checkpoints", "finetuned", "compressed"):
                sweep(self._folder / name)
                for left in (self._folder / name).glob(".*.lock"):
                    left.unlink(missing_ok=True)
            for name in (SHARED, UNFINISHED):
                shutil.rmtree(self._folder / name, ignore_errors=True)

    def run(self) -> ComparisonRun:
        """All results so far, in the plan's order."""
        results = (self._results.get(job.name) for job in self._plan.jobs)
        gold = {task.name: read_gold(self._folder, task) for task in self._plan.tasks}
        return ComparisonRun(
            plan=self._plan, results=tuple(result for result in results if result is not None), **by_task(gold)
        )

    def reuse(self, job: Job) -> Result | None:
        """The result of an acquired job, if another job made it on its way, or there is one of the same key here or in
        another run folder.
        """
        if (waiting := read_waiting(self._folder, self._plan, job, self._keys[job.name])) is not None:
            return waiting
        stored = self._reusable.get(self._keys[job.name])
        return adopted(stored, self._plan, job, self._folder) if stored else None

    def _there(self, job: Job) -> Result | None:
        """A job's result in the folder, unless it is a failure from before this run."""
        found = self._read.pop(job.name, None) or read_result(self._folder, self._plan, job)
        if found is None:
            return None
        if isinstance(found, FailedResult):
            old = self._old_failures.get(job.name) == result_path(self._folder, job).stat().st_mtime_ns
            return None if old else found
        if found.key != self._keys[job.name]:
            changed = ", ".join(f"{path} ({a} then, {b} now)" for path, (a, b) in _changes(found, self._place).items())
            raise ZooError(
                f"{result_path(self._folder, job)} was made by other code, versions or hardware: "
                f"{changed or 'another format'}; new results would not be comparable, so give another --out"
            )
        return found if self._is_whole(Stored(self._folder, self._plan, found)) else None

    def _is_whole(self, stored: Stored) -> bool:
        """Whether a result's model is there too, if this plan keeps it."""
        job = stored.result.job
        return stored.model is not None or not kind_of(job).keeps_model(self._plan, job)

    def _blocked(self, job: Job) -> Result | None:
        for needed in self._needs[job.name]:
            if isinstance(self._results.get(needed.name), FailedResult):
                return self._written(FailedResult(job=job, reason=f"{kind_of(needed).title(needed)} failed"))
        return None

    def _know(self, result: Result) -> None:
        """Enter a result for its job, for equal ones that are still to do, and for those that need it."""
        name = result.job.name
        self._results[name] = result
        if isinstance(result, FailedResult):
            self._unsure.extend(self._dependents[name])
            return
        self._reusable.setdefault(self._keys[name], Stored(self._folder, self._plan, result))
        for job in self._dependents[name]:
            self._unmet[job.name].discard(name)
            if not self._unmet[job.name]:
                heappush(self._startable, self._order[job.name])

    def _written(self, result: Result) -> Result:
        """The stored result, or, if the disk refuses it, a failure that only this run knows of."""
        try:
            write_result(self._folder, result)
            if isinstance(result, ModelResult):
                write_provenance_of(result, self._folder)
        except RunFailed as error:
            return FailedResult(job=result.job, reason=str(error))
        return result

    def _checked(self, result: Finished) -> Result:
        """The result with its key, if code and kind of machine are those that this run started with."""
        key = self._keys[result.job.name]
        if result.environment == self._place or cache_key(self._plan, result.job, result.environment) == key:
            return result.model_copy(update={"key": key})
        changes = _changes(result, self._place)
        listed = ", ".join(
            f"{path} {there!s:.60} ({here!s:.60} at the start)" for path, (there, here) in changes.items()
        )
        return FailedResult(
            job=result.job, reason=f"it is not comparable with the rest of the run: {listed}; {_advice(changes)}"
        )


def _advice(changes: Mapping[str, object]) -> str:
    if {*changes} <= {"code"}:
        return "sources were edited during the run, or differ between machines; start a new run"
    return "use machines of one kind, with the same versions"


def _changes(result: Finished, place: Environment) -> Mapping[str, tuple[object, object]]:
    return {path: pair for path, pair in diff(result.environment, place).items() if path != "processors"}
