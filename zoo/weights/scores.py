"""A model's scores, in a table beside its weights, for its model card."""

from __future__ import annotations

from pathlib import Path

from zoo.core.files import write_text
from zoo.core.specs import Record

SCORES = "scores.json"


class ModelScores(Record):
    """A table of scores, and a sentence on how they were made."""

    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_scores(folder: Path, scores: ModelScores) -> None:
    """Write the table beside a model's weights. Raises RunFailed if the disk refuses."""
    write_text(folder / SCORES, scores.model_dump_json(indent=1) + "\n")
