"""Do a plan's cells: each as soon as what it needs is there, one failure never stopping the others."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

from zoo.catalog import Catalog
from zoo.errors import ZooError
from zoo.files import write_text
from zoo.study.plan import Cell, Plan
from zoo.study.results import FailedResult, FinetuneResult, PretrainResult, Result, Run, read_result, write_result

WATCH_EVERY = 0.1
"""Seconds between two looks at what the workers report."""


class Watcher(Protocol):
    """Whoever wants to know how the cells are getting on."""

    def moved(self, cell: Cell, done: int, total: int) -> None:
        """A cell has done so many of its steps."""

    def ended(self, cell: Cell, result: PretrainResult | FinetuneResult | FailedResult, reused: bool) -> None:
        """A cell has a result, from now or from before."""


def run(plan: Plan, folder: Path, *, workers: int, watcher: Watcher, catalog: Catalog | None = None) -> Run:
    """Do what the plan asks and is not done yet; with 0 workers in this process, else in so many others.

    Raises ZooError where the folder holds the run of another plan.
    """
    _claim(plan, folder)
    results: dict[str, PretrainResult | FinetuneResult | FailedResult] = {}
    waiting = []
    for cell in plan.cells:
        found = read_result(folder, cell)
        if found is None or isinstance(found, FailedResult):
            waiting.append(cell)
        else:
            results[cell.name] = found
            watcher.ended(cell, found, True)

    def ended(cell: Cell, result: PretrainResult | FinetuneResult | FailedResult) -> None:
        results[cell.name] = result
        write_result(folder, result)
        watcher.ended(cell, result, False)

    queue = _Queue(waiting, results)
    if workers == 0:
        for cell in queue:
            ended(cell, _attempt(catalog or Catalog.installed(), plan, cell, folder, watcher.moved))
    else:
        _run_in_workers(plan, folder, workers, queue, watcher, ended)
    for cell in queue.hopeless():
        ended(cell, FailedResult(cell=cell, reason=f"the pre-training of {cell.system} failed"))
    return Run(plan=plan, results=tuple(results[cell.name] for cell in plan.cells))


class _Queue:
    """Cells in order, each handed out once what it stands on is done."""

    def __init__(self, cells: list[Cell], results: dict[str, PretrainResult | FinetuneResult | FailedResult]) -> None:
        self._cells = cells
        self._results = results

    def _ready(self, cell: Cell) -> bool:
        return cell.kind != "finetune" or any(
            isinstance(result, PretrainResult) and result.cell.system == cell.system
            for result in self._results.values()
        )

    def __iter__(self) -> Iterator[Cell]:
        while (cell := self.take()) is not None:
            yield cell

    def take(self) -> Cell | None:
        """The next cell that can be done now, or None."""
        for cell in self._cells:
            if self._ready(cell):
                self._cells.remove(cell)
                return cell
        return None

    def hopeless(self) -> list[Cell]:
        """What is left when nothing more can be done."""
        return list(self._cells)


def _claim(plan: Plan, folder: Path) -> None:
    """Make the run folder this plan's, or see that it already is."""
    path = folder / "plan.json"
    if path.exists():
        try:
            same = Plan.model_validate_json(path.read_bytes()) == plan
        except ValueError:
            same = False
        if not same:
            raise ZooError(f"{folder} holds the run of another plan; give another --out, or delete that folder")
    elif folder.is_dir() and any(folder.iterdir()):
        raise ZooError(f"{folder} is not empty and holds no run; give another --out")
    try:
        (folder / "cells").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"cannot make the run folder {folder}: {error.strerror}") from error
    write_text(path, plan.model_dump_json(indent=1))


def _attempt(catalog: Catalog, plan: Plan, cell: Cell, folder: Path, moved: Callable[[Cell, int, int], None]) -> Result:
    """A cell's result, or the reason why there is none."""
    from zoo.study.cells import run_cell

    try:
        return run_cell(catalog, plan, cell, folder, lambda done, total: moved(cell, done, total))
    except ZooError as error:
        return FailedResult(cell=cell, reason=str(error))
    except MemoryError:
        return FailedResult(cell=cell, reason="out of memory; try a smaller batch or fewer workers")
    except Exception as error:
        return FailedResult(cell=cell, reason=f"{type(error).__name__}: {' '.join(str(error).split())}")


def _run_in_workers(
    plan: Plan,
    folder: Path,
    workers: int,
    queue: _Queue,
    watcher: Watcher,
    ended: Callable[[Cell, Any], None],
) -> None:
    context = multiprocessing.get_context("spawn")
    while True:
        reports = context.Queue()
        running: dict[Future[Any], Cell] = {}
        pool = ProcessPoolExecutor(workers, context, _start_worker, (reports, plan.threads))
        try:
            while _fill(pool, running, workers, queue, plan, folder):
                done, _ = wait(running, timeout=WATCH_EVERY, return_when=FIRST_COMPLETED)
                _pass_on(reports, watcher)
                for future in done:
                    result = future.result()
                    ended(running.pop(future), result)
            return
        except BrokenProcessPool:
            # The pool cannot say which cell's process died: those that were running are told, the rest go on.
            for cell in running.values():
                ended(cell, FailedResult(cell=cell, reason="its process died (killed, or out of memory)"))
        finally:
            for process in list((pool._processes or {}).values()):
                if running:
                    process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            reports.close()


def _fill(
    pool: ProcessPoolExecutor, running: dict[Future[Any], Cell], workers: int, queue: _Queue, plan: Plan, folder: Path
) -> bool:
    """Keep every worker busy; false when nothing runs and nothing can."""
    while len(running) < workers and (cell := queue.take()) is not None:
        running[pool.submit(_work, plan, cell, folder)] = cell
    return bool(running)


def _pass_on(reports: Any, watcher: Watcher) -> None:
    with suppress(Empty):
        while True:
            watcher.moved(*reports.get_nowait())


_reports: Any = None
_catalog: Catalog | None = None


def _start_worker(reports: Any, threads: int) -> None:
    global _reports, _catalog
    os.environ["OMP_NUM_THREADS"] = str(threads)
    _reports = reports
    _catalog = Catalog.installed()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A worker whose run was killed would go on for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(plan: Plan, cell: Cell, folder: Path) -> Result:
    assert _catalog is not None
    last = 0.0

    def moved(cell: Cell, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > WATCH_EVERY:
            last = now
            _reports.put((cell, done, total))

    return _attempt(_catalog, plan, cell, folder, moved)
