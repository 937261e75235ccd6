"""How a comparison is getting on, on the terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Result


class Display:
    """A bar for the whole run, with what remains, and one for each job at work; plain lines without a terminal."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._work = {job.name: kind_of(job).size(plan, job) for job in plan.jobs}
        self._done = dict.fromkeys(self._work, 0.0)
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._all = self._progress.add_task("all", total=sum(self._work.values()))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def moved(self, job: Job, done: int, total: int) -> None:
        """A job has done so many of its steps."""
        if job.name not in self._bars:
            self._bars[job.name] = self._progress.add_task(f"  {kind_of(job).title(job)}", total=total)
        self._progress.update(self._bars[job.name], completed=done)
        self._count(job, done / total)

    def ended(self, job: Job, result: Result, reused: bool) -> None:
        """A job has a result."""
        self._count(job, 1.0)
        if job.name in self._bars:
            self._progress.remove_task(self._bars.pop(job.name))
        title = kind_of(job).title(job)
        if isinstance(result, FailedResult):
            self._console.print(Text(f"failed: {title}: {result.reason}", style="red"), soft_wrap=True)
        elif not self._console.is_terminal:
            self._console.print(Text(f"{'had' if reused else 'done'}: {title}"), soft_wrap=True)

    def _count(self, job: Job, share: float) -> None:
        self._done[job.name] = share * self._work[job.name]
        self._progress.update(self._all, completed=sum(self._done.values()))
