"""The progress of a run on the terminal."""

from __future__ import annotations

from rich.console import Console

from zoo.core.held_out import HeldOutScore
from zoo.document import MISSING, Table
from zoo.pretraining.outcome import PretrainOutcome
from zoo.progress import Pace, Shown
from zoo.train.step import Step

LINES = 20
"""Without a terminal, so many lines tell of a whole run."""

SMOOTHING = 0.95


class Display(Shown):
    """A bar with the time left, below it losses, accuracies and speed; plain lines without a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._smooth: dict[str, float] = {}
        self._pace = Pace(0.0)
        self._row = self.bars.add("reading text", None, lambda: self._pace if self._pace.total else "")

    def message(self, text: str) -> None:
        """Something worth a line."""
        self.line(text)

    def stepped(self, step: Step, n_steps: int, tokens: int, peak_share: float | None) -> None:
        """A step is done."""
        if not self._pace.total:  # the first step of this process, perhaps not of the run
            self._pace = Pace(n_steps)
            self._pace.had(step.number)
            self.bars.update(self._row, description="pre-training")
        self._pace.done = step.number - self._pace.before
        rate = step.n_tokens / step.seconds
        seen = {f"{name} loss": loss for name, loss in step.losses.items()}
        seen |= {f"{name} acc": 100 * accuracy for name, accuracy in step.accuracies.items()}
        for name, value in {**seen, "tokens/s": rate, "peak": peak_share or 0.0}.items():
            self._smooth[name] = SMOOTHING * self._smooth.get(name, value) + (1 - SMOOTHING) * value
        text, count = self._text(), f"{step.number:,}/{n_steps:,}"
        self.bars.lines = [text]
        self.bars.move(self._row, step.number, count, total=n_steps)
        if not self.console.is_terminal and (step.number % max(1, n_steps // LINES) == 0 or step.number == n_steps):
            self.line(f"step {count}  {text}  {self._pace}")

    def evaluated(self, step: int, scores: dict[str, HeldOutScore]) -> None:
        """The held-out documents have been read."""
        parts = [f"{name}: {describe(score)}" for name, score in scores.items()]
        self.line(f"held out after step {step}: {'; '.join(parts)}")

    def kept(self, outcome: PretrainOutcome) -> None:
        """The model was written as it is after some of the steps."""
        self.line(f"kept the model after step {outcome.summary.steps}")

    def _text(self) -> str:
        shown = {name: value for name, value in self._smooth.items() if name not in ("tokens/s", "peak")}
        parts = [f"{name} {value:{'.1f' if name.endswith(' acc') else '.3f'}}" for name, value in shown.items()]
        return "  ".join([f"{self._smooth['tokens/s']:,.0f} tokens/s", *parts, f"{self._smooth['peak']:.0%} of peak"])


def describe(score: HeldOutScore) -> str:
    """A score on one line."""
    accuracy = "" if score.accuracy is None else f", accuracy {100 * score.accuracy:.1f}"
    return f"loss {score.loss:.3f}, perplexity {score.perplexity:,.2f}{accuracy}"


def score_table(scores: dict[str, HeldOutScore]) -> Table:
    """Scores on held-out text, a row per objective."""
    rows = tuple(
        (
            name,
            f"{score.loss:.3f}",
            f"{score.perplexity:,.2f}",
            MISSING if score.accuracy is None else f"{100 * score.accuracy:.1f}",
            f"{score.predictions:,}",
        )
        for name, score in scores.items()
    )
    columns = ("objective, on held-out documents", "loss", "perplexity", "accuracy x 100", "predictions")
    return Table(columns, rows)
