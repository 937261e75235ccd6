"""How a comparison is getting on, on the terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from zoo.experiments.plan.plan import Cell, Plan
from zoo.experiments.results.records import FailedResult, FinetuneResult, PretrainResult

TOKENS_PER_ITEM = 32
"""A guess at a task item's length, to weigh fine-tuning against pre-training in the time that remains."""


class Display:
    """A bar for the whole run, with what remains, and one for each cell at work; plain lines without a terminal."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._work = {cell.name: self._weight(cell) for cell in plan.cells}
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

    def moved(self, cell: Cell, done: int, total: int) -> None:
        """A cell has done so many of its steps."""
        if cell.name not in self._bars:
            self._bars[cell.name] = self._progress.add_task(f"  {_title(cell)}", total=total)
        self._progress.update(self._bars[cell.name], completed=done)
        self._count(cell, done / total)

    def ended(self, cell: Cell, result: PretrainResult | FinetuneResult | FailedResult, reused: bool) -> None:
        """A cell has a result."""
        self._count(cell, 1.0)
        if cell.name in self._bars:
            self._progress.remove_task(self._bars.pop(cell.name))
        if isinstance(result, FailedResult):
            self._console.print(Text(f"failed: {_title(cell)}: {result.reason}", style="red"), soft_wrap=True)
        elif not self._console.is_terminal:
            self._console.print(Text(f"{'had' if reused else 'done'}: {_title(cell)}"), soft_wrap=True)

    def _count(self, cell: Cell, share: float) -> None:
        self._done[cell.name] = share * self._work[cell.name]
        self._progress.update(self._all, completed=sum(self._done.values()))

    def _weight(self, cell: Cell) -> float:
        """A cell's work, in tokens to train on."""
        if cell.kind == "baseline":
            return 10_000.0
        variant = self._plan.variant(cell.system)
        if cell.kind == "pretrain":
            return 10_000.0 if cell.system in self._plan.checkpoints else float(variant.pretraining.tokens)
        recipe = self._plan.finetuning_of(cell)
        return float((recipe.steps or 300 * recipe.epochs) * recipe.batch_size * TOKENS_PER_ITEM)


def _title(cell: Cell) -> str:
    if cell.kind == "pretrain":
        return f"pre-training {cell.system}, seed {cell.seed}" if cell.seed else f"pre-training {cell.system}"
    if cell.kind == "baseline":
        return f"{cell.system} on {cell.task}"
    setting = f", {cell.setting.label}" if cell.setting else ""
    return f"fine-tuning {cell.system} on {cell.task}, seed {cell.seed}{setting}"
