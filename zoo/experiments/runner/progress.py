"""The progress of a comparison on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import TaskID

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Result
from zoo.progress import Pace, Shown


class Display(Shown):
    """A bar for the whole run, with the time left, and one per running job; plain lines without a terminal."""

    def __init__(self, plan: Plan, console: Console) -> None:
        super().__init__(console)
        self._plan = plan
        self._work: dict[str, float] = {}
        self._shares: dict[str, float] = {}
        self._at_work: dict[str, tuple[TaskID, Pace]] = {}
        self._n_ended = 0
        self._pace = Pace(0.0)
        self._all = self.bars.add("all jobs", self._pace.total, lambda: self._pace, self._count)

    @property
    def _count(self) -> str:
        return f"{self._n_ended}/{len(self._work)}"

    def admitted(self, jobs: Sequence[Job]) -> None:
        """More jobs are to be done."""
        new = {job.name: kind_of(job).size(self._plan, job) for job in jobs}
        self._work |= new
        self._pace.total += sum(new.values())
        self.bars.update(self._all, total=self._pace.total)

    def moved(self, job: Job, done: int, total: int) -> None:
        """A job has advanced."""
        if job.name not in self._at_work:
            pace = Pace(total)
            row = self.bars.add(f"  {kind_of(job).title(job)}", total, lambda: f"{pace.rate:,.1f} steps/s")
            self._at_work[job.name] = row, pace
        row, pace = self._at_work[job.name]
        pace.done = done
        self.bars.move(row, done, f"{done:,}/{total:,}")
        self._set_share(job, done / total)

    def ended(self, job: Job, result: Result, reused: bool) -> None:
        """A job has a result."""
        self._n_ended += 1
        if reused:
            self._pace.had(self._work[job.name])
        self._set_share(job, 0.0 if reused else 1.0)
        if job.name in self._at_work:
            self.bars.remove_task(self._at_work.pop(job.name)[0])
        title = kind_of(job).title(job)
        if isinstance(result, FailedResult):
            self.line(f"failed: {title}: {result.reason}", style="red")
        elif not self.console.is_terminal:
            seconds = "" if reused else f", {result.cost.seconds:,.1f} s; {self._pace}"
            self.line(f"{self._count} {'had' if reused else 'done'}: {title}{seconds}")

    def _set_share(self, job: Job, share: float) -> None:
        self._pace.done += (share - self._shares.get(job.name, 0.0)) * self._work[job.name]
        self._shares[job.name] = share
        self.bars.move(self._all, self._pace.done + self._pace.before, self._count)
