"""Run a plan's jobs, each as soon as its inputs are there; a failure never stops the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Protocol, TypeAlias

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import Result
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.claim import claim
from zoo.experiments.runner.executors import WATCH_EVERY, Executor, InProcess, LocalProcesses
from zoo.experiments.runner.gold import keep_gold
from zoo.experiments.runner.job_store import JobStore, Recorded
from zoo.machine.environment import environment
from zoo.registry.catalog import Catalog


class Watcher(Protocol):
    """Follows the progress of the jobs."""

    def admitted(self, jobs: Sequence[Job]) -> None:
        """These jobs are to be done, too."""

    def started(self, job: Job) -> None:
        """A job was begun."""

    def moved(self, job: Job, done: int, total: int) -> None:
        """A job has advanced."""

    def ended(self, job: Job, result: Result, reused: bool) -> None:
        """A job has a result, from now or from before."""


Wanted: TypeAlias = Callable[[ComparisonRun], Sequence[Job]]
"""The jobs that the results so far make necessary, finished ones among them, each after those that it needs."""


def all_jobs(run: ComparisonRun) -> Sequence[Job]:
    """Every job of the plan, whatever the results."""
    return run.plan.jobs


def run(
    plan: Plan,
    folder: Path,
    *,
    workers: int = 0,
    watcher: Watcher,
    catalog: Catalog | None = None,
    executor: Executor | None = None,
    reuse: Sequence[Path] = (),
    wanted: Wanted = all_jobs,
    seconds: float = inf,
    command: str = "",
) -> ComparisonRun:
    """Run the plan's unfinished jobs; in this process with 0 workers, else in that many others.

    Failed jobs are retried. Results of equal jobs are taken from the run folders in `reuse`. Which jobs are `wanted` is
    asked at the start and whenever all are done, so that it depends on no order of jobs; after so many seconds, only
    those of the start are begun. `command` is written down, for the report.
    Other runs may work in the folder at the same time: they share the jobs. Raises ZooError if the folder holds
    the run of a plan that this one does not extend, or results made by other code or on another kind of machine.
    """
    catalog = (catalog or Catalog.installed()).with_tasks(plan.own_tasks)
    executor = executor or (LocalProcesses(workers) if workers else InProcess(catalog))
    place = environment(catalog, plan.compute)
    claim(plan, folder, place, command)
    keep_gold(catalog, plan, folder)
    store = JobStore(plan, folder, place, reuse, jobs=())
    rounds = _Rounds(store, wanted, watcher, seconds)

    def report(recorded: Recorded) -> None:
        watcher.ended(recorded.result.job, recorded.result, recorded.reused)

    executor.open(plan, folder, watcher.moved)
    running = 0
    try:
        while True:
            for recorded in store.completed():
                report(recorded)
            while running < executor.slots and not rounds.late and (job := store.acquire()) is not None:
                found = store.reuse(job)
                if found is not None:
                    report(store.record(job, found))
                    continue
                executor.start(job)
                watcher.started(job)
                running += 1
            if running:
                for job, result in executor.ended():
                    running -= 1
                    report(store.record(job, result))
            elif rounds.late:
                return store.run()
            elif store.waiting_elsewhere:
                time.sleep(WATCH_EVERY)
            elif not store.waiting and not rounds.begin():
                return store.run()
    finally:
        executor.close()
        store.close()


class _Rounds:
    """Admits the jobs that are wanted, then those that their results make necessary."""

    def __init__(self, store: JobStore, wanted: Wanted, watcher: Watcher, seconds: float) -> None:
        self._store, self._wanted, self._watcher = store, wanted, watcher
        self._until, self._n = time.monotonic() + seconds, 0

    def begin(self) -> bool:
        """Whether there are more jobs."""
        new = self._store.admit(self._wanted(self._store.run()))
        self._watcher.admitted(new)
        self._n += bool(new)
        return bool(new)

    @property
    def late(self) -> bool:
        """Whether the time for jobs of further rounds is over."""
        return self._n > 1 and time.monotonic() > self._until
