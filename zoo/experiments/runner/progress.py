"""The progress of a comparison on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.progress import TaskID

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Result
from zoo.experiments.runner.forecast import Forecast, work_of
from zoo.progress import Pace, Shown


class Display(Shown):
    """A bar for the whole run, with the time left, and one per running job; plain lines without a terminal."""

    def __init__(self, plan: Plan, console: Console) -> None:
        super().__init__(console)
        self._forecast = Forecast(partial(work_of, plan), plan.needs)
        self._at_work: dict[str, tuple[TaskID, Pace]] = {}
        self._n_ended = self._n_jobs = self._n_reused = 0
        self._all = self.bars.add("all jobs", 0.0, lambda: self._forecast, self._count)

    @property
    def _count(self) -> str:
        return f"{self._n_ended}/{self._n_jobs}"

    def admitted(self, jobs: Sequence[Job]) -> None:
        """More jobs are to be done."""
        self._forecast.admit(jobs)
        self._n_jobs += len(jobs)
        self._show()

    def started(self, job: Job) -> None:
        """A job was begun."""
        self._forecast.started(job)

    def moved(self, job: Job, done: int, total: int) -> None:
        """A job has advanced."""
        if job.name not in self._at_work:
            pace = Pace(total)
            row = self.bars.add(f"  {kind_of(job).title(job)}", total, lambda: f"{pace.rate:,.1f} steps/s")
            self._at_work[job.name] = row, pace
        row, pace = self._at_work[job.name]
        pace.done = done
        self.bars.move(row, done, f"{done:,}/{total:,}")
        self._forecast.moved(job, done / total)
        self._show()

    def ended(self, job: Job, result: Result, reused: bool) -> None:
        """A job has a result."""
        self._n_ended += 1
        self._forecast.ended(job, failed=isinstance(result, FailedResult))
        self._show()
        if job.name in self._at_work:
            self.bars.remove_task(self._at_work.pop(job.name)[0])
        self._n_reused += reused
        title = kind_of(job).title(job)
        if isinstance(result, FailedResult):
            self.line(f"failed: {title}: {result.reason}", style="red")
        elif not self.console.is_terminal:
            taken = "" if reused else f", {result.cost.seconds:,.1f} s; {self._forecast}"
            self.line(f"{self._count} {'reused' if reused else 'done'}: {title}{taken}")
        elif reused and self._n_reused == 1:
            self.line("continuing: finished jobs are reused")

    def _show(self) -> None:
        self.bars.move(self._all, self._forecast.done, self._count, total=self._forecast.work)
