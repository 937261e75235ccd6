"""The log of a run: a line of JSON per step, evaluation, checkpoint and end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from zoo.core.errors import RunFailed, ZooError
from zoo.core.files import write_text
from zoo.core.held_out import HeldOutScore
from zoo.train.step import Step

LOG = "log.jsonl"
FOLDER = "tensorboard"


class RunLog:
    """A run's log, and TensorBoard's events beside it if asked for."""

    def __init__(self, folder: Path, done: int, tensorboard: bool) -> None:
        """What the log has of steps after `done` is dropped: they will be done again."""
        self.path = folder / LOG
        lines = [json.dumps(line) for line in read_log(folder) if _is_done(line, done)]
        write_text(self.path, "".join(f"{line}\n" for line in lines))
        self._board: Any = None
        if tensorboard:
            self._board = tensorboard_writer()(str(folder / FOLDER), purge_step=done + 1 if done else None)
        self._file = self.path.open("a", encoding="utf-8")

    def write(self, event: str, step: int, **facts: JsonValue) -> None:
        """Add a line. Raises RunFailed if the disk refuses."""
        try:
            self._file.write(json.dumps({"event": event, "step": step, **facts}) + "\n")
            self._file.flush()
        except OSError as error:
            raise RunFailed(f"cannot write {self.path}: {error.strerror}; the last checkpoint is untouched") from error

    def step(self, step: Step, tokens: int, peak_share: float | None) -> None:
        """Add a step's line."""
        self.write(
            "step",
            step.number,
            tokens=tokens,
            loss=dict(step.losses),
            accuracy=dict(step.accuracies),
            learning_rate=step.learning_rate,
            gradient_norm=step.gradient_norm,
            seconds=round(step.seconds, 6),
            compute_seconds=round(step.compute_seconds, 6),
            data_wait_seconds=round(step.data_wait_seconds, 6),
            tokens_per_s=round(step.n_tokens / step.seconds, 1),
            peak_share=None if peak_share is None else round(peak_share, 4),
        )
        self._plot("loss", step.losses, step.number)
        self._plot("accuracy", step.accuracies, step.number)
        self._plot(
            "step", {"learning_rate": step.learning_rate, "tokens_per_s": step.n_tokens / step.seconds}, step.number
        )

    def evaluation(self, number: int, scores: Mapping[str, HeldOutScore]) -> None:
        """Add the line of an evaluation on held-out text."""
        self.write(
            "evaluation",
            number,
            **{name: {**score.model_dump(), "perplexity": score.perplexity} for name, score in scores.items()},
        )
        self._plot("held-out loss", {name: score.loss for name, score in scores.items()}, number)

    def close(self) -> None:
        """Write out what is left."""
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _plot(self, group: str, values: Mapping[str, float], number: int) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{group}/{name}", value, number)


def read_log(folder: Path) -> Iterator[dict[str, JsonValue]]:
    """The lines of a run's log; a last one that was cut off is left out."""
    path = folder / LOG
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _is_done(line: dict[str, JsonValue], done: int) -> bool:
    return done > 0 and line.get("event") != "end" and int(str(line.get("step", 0))) <= done


def tensorboard_writer() -> Any:
    """TensorBoard's class of writers. Raises ZooError if it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ZooError("--tensorboard needs TensorBoard; pip install 'encoder-zoo[tensorboard]'") from None
    return SummaryWriter
