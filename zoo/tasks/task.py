"""A task as a short, versioned record, and its items as plain text. No torch here."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
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


def content_hash(splits: Mapping[str, tuple[Example, ...]]) -> str:
    """A SHA-256 over every item of every split, in order."""
    digest = hashlib.sha256()
    for name in sorted(splits):
        digest.update(f"{name}\n".encode())
        for item in splits[name]:
            digest.update(json.dumps([item.first, item.second, item.label]).encode() + b"\n")
    return digest.hexdigest()
