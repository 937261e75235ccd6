"""Where jobs run: in this process, in several of this machine, or on a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

from zoo.core.errors import ZooError
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Result
from zoo.experiments.runner.placement import Share, divided, gpus_of, shares_of
from zoo.registry.catalog import Catalog
from zoo.tasks.made import made_here, take
from zoo.tasks.task import Dataset

WATCH_EVERY = 0.1
"""Seconds between checks for the workers' reports."""

Ended = tuple[Job, Result]
Moved = Callable[[Job, int, int], None]


class Executor(Protocol):
    """Runs jobs, at most `slots` of them at once."""

    slots: int

    def open(self, plan: Plan, folder: Path, moved: Moved) -> None:
        """Prepare for jobs of this plan, with checkpoints in this folder; report their progress to `moved`."""

    def start(self, job: Job) -> None:
        """Start a job."""

    def ended(self) -> list[Ended]:
        """The jobs that have ended since the last call, after a short wait; every started job ends."""

    def close(self) -> None:
        """Cancel the remaining jobs."""


class ExecutorFactory(Protocol):
    """What a plugin offers as an executor: a function that makes one from the user's options."""

    def __call__(self, catalog: Catalog, workers: int, address: str | None) -> Executor:
        """An executor with `workers` workers, 0 for this process alone; `address` is its cluster's. Raises ZooError if
        these do not fit.
        """


def local(catalog: Catalog, workers: int, address: str | None) -> Executor:
    """Processes on this machine, or this process."""
    if address is not None:
        raise ZooError("--address is a cluster's; give --executor ray with it")
    return LocalProcesses(workers) if workers else InProcess(catalog)


class InProcess:
    """One job after the other, in this process."""

    slots = 1

    def __init__(self, catalog: Catalog | None = None) -> None:
        self._catalog = catalog or Catalog.installed()
        self._taken: list[Job] = []

    def open(self, plan: Plan, folder: Path, moved: Moved) -> None:
        """As Executor says."""
        self._job = plan, folder, moved

    def start(self, job: Job) -> None:
        """As Executor says."""
        self._taken.append(job)

    def ended(self) -> list[Ended]:
        """As Executor says."""
        from zoo.experiments.runner.job import attempt

        plan, folder, moved = self._job
        job = self._taken.pop()
        return [(job, attempt(self._catalog, plan, job, folder, lambda done, total: moved(job, done, total)))]

    def close(self) -> None:
        """As Executor says."""


class LocalProcesses:
    """Several processes on this machine, each with the plan's threads; those on one device share it."""

    def __init__(self, n: int) -> None:
        self.slots = n
        self._running: dict[Future[Any], Job] = {}

    def open(self, plan: Plan, folder: Path, moved: Moved) -> None:
        """As Executor says."""
        self._job = plan, folder, moved
        context = multiprocessing.get_context("spawn")
        self._reports = context.Queue()
        gpus = divided(gpus_of(plan), self.slots)
        places = context.Queue()
        for gpu in gpus:
            places.put(gpu)
        given = (plan, folder, made_here(), self._reports, places, shares_of(plan, context, gpus))
        self._pool = ProcessPoolExecutor(self.slots, context, _start_worker, given)

    def start(self, job: Job) -> None:
        """As Executor says."""
        try:
            future = self._pool.submit(_work, job)
        except BrokenProcessPool as error:  # one died since the last check; `_broken` reports its jobs
            future = Future()
            future.set_exception(error)
        self._running[future] = job

    def ended(self) -> list[Ended]:
        """As Executor says."""
        done, _ = wait(self._running, timeout=WATCH_EVERY, return_when=FIRST_COMPLETED)
        self._pass_on()
        if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
            return self._broken()
        return [(self._running.pop(future), future.result()) for future in done]

    def close(self) -> None:
        """As Executor says."""
        for process in list((self._pool._processes or {}).values()):
            if self._running:
                process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._reports.close()

    def _broken(self) -> list[Ended]:
        """The pool cannot say which job's process died: all running jobs are reported, the rest run in a new pool."""
        reason = "its process died (killed, or out of memory)"
        finished: list[Ended] = []
        for future, job in self._running.items():
            died = not future.done() or future.exception() is not None
            finished.append((job, FailedResult(job=job, reason=reason) if died else future.result()))
        self.close()
        self._running = {}
        self.open(*self._job)
        return finished

    def _pass_on(self) -> None:
        with suppress(Empty):
            while True:
                self._job[2](*self._reports.get_nowait())


_reports: Any = None
_run: tuple[Catalog, Plan, Path] | None = None
_share: Share | None = None


def _start_worker(
    plan: Plan, folder: Path, made: dict[str, Dataset], reports: Any, places: Any, shares: Mapping[str | None, Share]
) -> None:
    global _reports, _run, _share
    os.environ["OMP_NUM_THREADS"] = str(plan.compute.threads or 1)
    if gpu := places.get():
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # takes effect, as this process has not used a GPU yet
    _share = shares[gpu]
    _reports = reports
    _run = Catalog.installed(), plan, folder
    take(made)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End a worker whose run was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(job: Job) -> Result:
    from zoo.experiments.runner.job import attempt

    assert _run is not None
    catalog, plan, folder = _run
    last = 0.0

    def moved(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > WATCH_EVERY:
            last = now
            _reports.put((job, done, total))

    return attempt(catalog, plan, job, folder, moved, share=_share)
