"""A task as a short, versioned record, and its items as plain text. No torch here."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from zoo.specs import Name, Record


@dataclass(frozen=True, slots=True)
class Example:
    """One item of a task: one text or two, and a class id, a score, or None where the label is withheld."""

    first: str
    second: str | None = None
    label: int | float | None = None


@dataclass(frozen=True)
class Dataset:
    """A task's items by split, a hash of all their content, and notes on what was left out or looks odd."""

    splits: Mapping[str, tuple[Example, ...]]
    content_hash: str
    notes: tuple[str, ...] = ()


class Task(Record):
    """What is asked, how it is scored, and where its items come from."""

    name: Name
    version: Annotated[int, Field(ge=1)] = 1
    suite: str
    kind: Literal["classification", "regression"]
    pair: bool
    labels: tuple[str, ...] = ()
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    train_split: str = "train"
    dev_splits: tuple[str, ...] = ("dev",)
    synthetic: bool = False
    citation: str

    @abstractmethod
    def load(self, folder: Path | None) -> Dataset:
        """Read or make every split that is there; `folder` is the root that holds the task's files.

        Raises ZooError with file and line where the data are missing or malformed.
        """

    def training_items(self, dataset: Dataset) -> tuple[Example, ...]:
        """The items to learn from: those of the train split that have a label."""
        return tuple(item for item in dataset.splits.get(self.train_split, ()) if item.label is not None)

    def fits(self, label: float | None) -> bool:
        """Whether a label is a class id or a finite number, as this task has them."""
        if label is None:
            return False
        return label in range(len(self.labels)) if self.labels else isfinite(label)


def labels_of(items: Iterable[Example]) -> list[int | float]:
    """The labels of those items that have one."""
    return [item.label for item in items if item.label is not None]


def content_hash(splits: Mapping[str, tuple[Example, ...]]) -> str:
    """A SHA-256 over every item of every split, in order."""
    digest = hashlib.sha256()
    for name in sorted(splits):
        digest.update(f"{name}\n".encode())
        for item in splits[name]:
            digest.update(json.dumps([item.first, item.second, item.label]).encode() + b"\n")
    return digest.hexdigest()
