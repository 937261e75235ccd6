"""Live displays: bars that fit their terminal, with how many are done, how fast, and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

BAR = 14
"""Columns of a bar."""


class Pace:
    """The time left, from how fast work was done since the first of it; what was there before is no sign of speed."""

    def __init__(self, total: float, clock: Callable[[], float] = monotonic) -> None:
        self.total, self.done, self.before = total, 0.0, 0.0
        self._clock, self._began = clock, clock()

    def had(self, work: float) -> None:
        """So much work was done before."""
        self.before += work

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    @property
    def rate(self) -> float:
        """Work per second."""
        return self.done / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds until all is done; None while nothing is."""
        rest = max(0.0, self.total - self.before - self.done)
        if not rest:
            return 0.0
        return rest / self.rate if self.rate else None

    def __str__(self) -> str:
        left = "? left" if self.left is None else f"{clock_time(self.left)} left"
        return f"{clock_time(self.elapsed)}, {left}"


def clock_time(seconds: float) -> str:
    """Seconds as 1:05 or 2:01:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Note(ProgressColumn):
    """The last column: the time that is left, or a speed; asked for anew whenever it is drawn."""

    def render(self, task: Task) -> Text:
        return Text(str(task.fields["note"]()), style="dim")


class Bars(Progress):
    """A row for each thing at work: what, a bar, n/N, and a note; below them `lines`. Nothing where no terminal is.

    A description is cut where the terminal is narrow; the other columns are always whole.
    """

    def __init__(self, console: Console) -> None:
        self.lines: list[str] = []
        whole = Column(no_wrap=True, justify="right")
        super().__init__(
            TextColumn(
                "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
            BarColumn(bar_width=BAR, table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[count]}", markup=False, table_column=whole),
            _Note(table_column=whole),
            console=console,
            transient=True,
            expand=True,
            disable=not console.is_terminal,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """The rows, then the lines."""
        yield self.make_tasks_table(self.tasks)
        for line in self.lines:
            yield Text(line, no_wrap=True, overflow="ellipsis")

    def add(self, description: str, total: float | None, note: Callable[[], object], count: str = "") -> TaskID:
        """A row more."""
        return self.add_task(description, total=total, note=note, count=count)

    def move(self, row: TaskID, done: float, count: str, total: float | None = None) -> None:
        """A row has got so far."""
        self.update(row, completed=done, count=count, total=total)


class Shown:
    """What is shown while something is under way, on a console; the bars are there between enter and exit."""

    def __init__(self, console: Console) -> None:
        self.console, self.bars = console, Bars(console)

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def line(self, text: str, style: str = "") -> None:
        """A line that stays."""
        self.console.print(Text(text, style=style), soft_wrap=True)
