"""Who does the jobs: this process, several of this machine, or a Ray cluster of many machines."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

from zoo.core.errors import ZooError
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Result
from zoo.machine.compute import visible_gpus
from zoo.registry.catalog import Catalog

WATCH_EVERY = 0.1
"""Seconds between two looks at what the workers report."""

Ended = tuple[Job, Result]
Moved = Callable[[Job, int, int], None]


class Executor(Protocol):
    """Does jobs, at most `slots` of them at once."""

    slots: int

    def open(self, plan: Plan, folder: Path, moved: Moved) -> None:
        """Get ready for jobs of this plan, whose checkpoints lie in this folder; tell `moved` how they get on."""

    def start(self, job: Job) -> None:
        """Take a job."""

    def ended(self) -> list[Ended]:
        """The jobs that have ended since the last call, after waiting a moment for one; each that was taken does."""

    def close(self) -> None:
        """Drop whatever is still being done."""


class ExecutorFactory(Protocol):
    """What a plugin offers as an executor: makes one from what the user has given."""

    def __call__(self, catalog: Catalog, workers: int, address: str | None) -> Executor:
        """An executor of so many workers, 0 for none besides this process; `address` is where its cluster answers.

        Raises ZooError if it cannot work so.
        """


def local(catalog: Catalog, workers: int, address: str | None) -> Executor:
    """Processes of this machine, or this process."""
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
    """So many processes of this machine, each with the plan's threads."""

    def __init__(self, n: int) -> None:
        self.slots = n
        self._running: dict[Future[Any], Job] = {}

    def open(self, plan: Plan, folder: Path, moved: Moved) -> None:
        """As Executor says."""
        self._job = plan, folder, moved
        context = multiprocessing.get_context("spawn")
        self._reports = context.Queue()
        gpus = context.Queue()
        for gpu in islice(cycle(_gpus(plan) or [None]), self.slots):
            gpus.put(gpu)
        self._pool = ProcessPoolExecutor(
            self.slots, context, _start_worker, (self._reports, plan.compute.threads or 1, gpus)
        )

    def start(self, job: Job) -> None:
        """As Executor says."""
        plan, folder, _ = self._job
        try:
            future = self._pool.submit(_work, plan, job, folder)
        except BrokenProcessPool as error:  # one died since the last look; those that ran with it are told there
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
        """The pool cannot say which job's process died: all that ran are told, the rest go on in a new pool."""
        reason = "its process died (killed, or out of memory)"
        told: list[Ended] = []
        for future, job in self._running.items():
            died = not future.done() or future.exception() is not None
            told.append((job, FailedResult(job=job, reason=reason) if died else future.result()))
        self.close()
        self._running = {}
        self.open(*self._job)
        return told

    def _pass_on(self) -> None:
        with suppress(Empty):
            while True:
                self._job[2](*self._reports.get_nowait())


_reports: Any = None
_catalog: Catalog | None = None


def _gpus(plan: Plan) -> list[str]:
    """The GPUs to divide among processes; none if the plan needs none, or names one."""
    return visible_gpus() if plan.compute.device == "cuda" else []


def _start_worker(reports: Any, threads: int, gpus: Any) -> None:
    global _reports, _catalog
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if gpu := gpus.get():
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # heeded, as this process has not used a GPU yet
    _reports = reports
    _catalog = Catalog.installed()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A worker whose run was killed would go on for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(plan: Plan, job: Job, folder: Path) -> Result:
    from zoo.experiments.runner.job import attempt

    assert _catalog is not None
    last = 0.0

    def moved(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > WATCH_EVERY:
            last = now
            _reports.put((job, done, total))

    return attempt(_catalog, plan, job, folder, moved)
