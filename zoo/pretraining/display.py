"""How a run is getting on, on the terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from zoo.train.evaluation import Score
from zoo.train.step import Step

LINES = 20
"""Without a terminal, so many lines tell of a whole run."""

SMOOTHING = 0.95


class Display:
    """A bar with losses, accuracies, speed and the time left; plain lines without a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._smooth: dict[str, float] = {}
        self._progress = Progress(
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("preparing", total=1.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def told(self, text: str) -> None:
        """Something worth a line."""
        self._console.print(Text(text), soft_wrap=True)

    def stepped(self, step: Step, n_steps: int, tokens: int, peak_share: float | None) -> None:
        """A step is done."""
        rate = step.n_tokens / step.seconds
        seen = {f"{name} loss": loss for name, loss in step.losses.items()}
        seen |= {f"{name} acc": accuracy for name, accuracy in step.accuracies.items()}
        for name, value in {**seen, "tokens/s": rate, "peak": peak_share or 0.0}.items():
            self._smooth[name] = SMOOTHING * self._smooth.get(name, value) + (1 - SMOOTHING) * value
        text = self._text()
        self._progress.update(self._task, completed=step.number, total=n_steps, description=text)
        if not self._console.is_terminal and (step.number % max(1, n_steps // LINES) == 0 or step.number == n_steps):
            left = (n_steps - step.number) * step.n_tokens / self._smooth["tokens/s"]
            self._console.print(Text(f"step {step.number}/{n_steps}  {text}  {left:,.0f} s left"), soft_wrap=True)

    def evaluated(self, step: int, scores: dict[str, Score]) -> None:
        """The held-out documents have been read."""
        parts = [f"{name}: {describe(score)}" for name, score in scores.items()]
        self._console.print(Text(f"held out after step {step}: {'; '.join(parts)}"), soft_wrap=True)

    def _text(self) -> str:
        parts = [f"{name} {value:.3f}" for name, value in self._smooth.items() if name not in ("tokens/s", "peak")]
        return "  ".join([*parts, f"{self._smooth['tokens/s']:,.0f} tokens/s", f"{self._smooth['peak']:.0%} of peak"])


def describe(score: Score) -> str:
    """A score on one line."""
    accuracy = "" if score.accuracy is None else f", accuracy {100 * score.accuracy:.1f}"
    return f"loss {score.loss:.3f}, perplexity {score.perplexity:,.2f}{accuracy}"


def score_table(scores: dict[str, Score]) -> Table:
    """Scores on held-out text, an objective a row."""
    table = Table(box=None, pad_edge=False)
    for column in ("objective, on held-out documents", "loss", "perplexity", "accuracy", "predictions"):
        table.add_column(column, justify="left" if column.startswith("objective") else "right")
    for name, score in scores.items():
        accuracy = "" if score.accuracy is None else f"{100 * score.accuracy:.1f}"
        table.add_row(Text(name), f"{score.loss:.3f}", f"{score.perplexity:,.2f}", accuracy, f"{score.predictions:,}")
    return table
