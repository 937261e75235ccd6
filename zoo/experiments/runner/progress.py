"""How a comparison is getting on, on the terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, ModelResult, TaskResult

TOKENS_PER_ITEM = 32
"""A guess at a task item's length, to weigh fine-tuning against pre-training in the time that remains."""


class Display:
    """A bar for the whole run, with what remains, and one for each job at work; plain lines without a terminal."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._work = {job.name: self._weight(job) for job in plan.jobs}
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
            self._bars[job.name] = self._progress.add_task(f"  {_title(job)}", total=total)
        self._progress.update(self._bars[job.name], completed=done)
        self._count(job, done / total)

    def ended(self, job: Job, result: ModelResult | TaskResult | FailedResult, reused: bool) -> None:
        """A job has a result."""
        self._count(job, 1.0)
        if job.name in self._bars:
            self._progress.remove_task(self._bars.pop(job.name))
        if isinstance(result, FailedResult):
            self._console.print(Text(f"failed: {_title(job)}: {result.reason}", style="red"), soft_wrap=True)
        elif not self._console.is_terminal:
            self._console.print(Text(f"{'had' if reused else 'done'}: {_title(job)}"), soft_wrap=True)

    def _count(self, job: Job, share: float) -> None:
        self._done[job.name] = share * self._work[job.name]
        self._progress.update(self._all, completed=sum(self._done.values()))

    def _weight(self, job: Job) -> float:
        """A job's work, in tokens to train on."""
        if job.kind == "baseline":
            return 10_000.0
        variant = self._plan.variant(job.system)
        if job.kind == "pretrain":
            return 10_000.0 if job.system in self._plan.checkpoints else float(variant.pretraining.tokens)
        recipe = self._plan.finetuning_of(job)
        return float((recipe.steps or 300 * recipe.epochs) * recipe.batch_size * TOKENS_PER_ITEM)


def _title(job: Job) -> str:
    if job.kind == "pretrain":
        return f"pre-training {job.system}, seed {job.seed}" if job.seed else f"pre-training {job.system}"
    if job.kind == "baseline":
        return f"{job.system} on {job.task}"
    setting = f", {job.setting.label}" if job.setting else ""
    return f"fine-tuning {job.system} on {job.task}, seed {job.seed}{setting}"
