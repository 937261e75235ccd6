"""A task as a short, versioned record, and its items as plain text. No torch here."""

from __future__ import annotations

import hashlib
import json
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import Field, JsonValue, model_validator

from zoo.core.errors import ZooError
from zoo.core.specs import Name, Record

Label: TypeAlias = Any
"""What is asked for an item, as the kind of its task has it: a class id, a score, a tuple of ids, ..."""


@dataclass(frozen=True, slots=True)
class Example:
    """One item of a task: one text or two, or one with several choices; and its label, None if it is withheld."""

    first: str
    second: str | None = None
    label: Label = None
    choices: tuple[str, ...] = ()
    spans: tuple[tuple[int, int, int], ...] = ()
    """What it marks, each as the number of its text, 0 or 1, the first character and the one after the last."""
    groups: tuple[str, ...] = ()
    """The sets of items, such as a diagnostic's categories, that it is in; reports score each by itself."""
    id: str = ""
    """What its data set calls it, where predictions go by that."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All of its texts; choices may stand alone."""
        first = (self.first,) if self.first or not self.choices else ()
        return (*first, *(() if self.second is None else (self.second,)), *self.choices)


@dataclass(frozen=True)
class Dataset:
    """A task's items by split, a hash of all their content, and notes on what was left out or looks odd."""

    splits: Mapping[str, tuple[Example, ...]]
    content_hash: str
    notes: tuple[str, ...] = ()


class Task(Record):
    """What is asked, how it is scored, and where its items come from."""

    LOCATION: ClassVar[frozenset[str]] = frozenset()
    """The fields that say only where and how items are stored, on which no result depends."""

    name: Name
    version: Annotated[int, Field(ge=1)] = 1
    suite: str
    kind: str
    """The name of a task kind: what is asked for an item (zoo.tasks.kinds)."""
    pair: bool = False
    options: dict[str, JsonValue] = Field(default={})
    """Options of the kind, as {"words": "characters"}; a model's head keeps them, so that it reads texts alike."""
    labels: tuple[str, ...] = ()
    label_aliases: tuple[tuple[str, ...], ...] = ()
    """Other words for each label, in which models say it; in the labels' order, or none at all."""
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    train_split: str = "train"
    trained_on: Name | None = None
    """The task whose models answer this one, which then has nothing to train on; several of their labels may mean one
    of its own."""
    dev_splits: tuple[str, ...] = ("dev",)
    synthetic: bool = False
    citation: str

    @model_validator(mode="after")
    def _words_are_clear(self) -> Self:
        if not self.label_aliases:
            return self
        if len(self.label_aliases) != len(self.labels):
            raise ValueError(f"label_aliases should have an entry for each of the {len(self.labels)} labels")
        spellings = [{spelled(word) for word in words} for words in self.words]
        if sum(map(len, spellings)) > len(set().union(*spellings)):
            raise ValueError("two labels have a word in common, case and punctuation aside")
        return self

    @property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """All words for each label, its own first."""
        aliases = self.label_aliases or ((),) * len(self.labels)
        return tuple((label, *others) for label, others in zip(self.labels, aliases, strict=True))

    def ids_of(self, words: Sequence[str]) -> list[int] | None:
        """The class id that each of a model's words for its classes means; None unless they are this task's labels.

        Each label is meant by one word, but in a task that models of another answer by one or more.
        Case doesn't matter, nor do spaces, hyphens and underscores within a word, unless labels differ in nothing else.
        """
        for spelling in (str, spelled):
            ids = {spelling(word): index for index, known in enumerate(self.words) for word in known}
            found = [ids.get(spelling(word), -1) for word in words]
            if sorted(set(found) if self.trained_on else found) == list(range(len(self.labels))):
                return found
        return None

    @abstractmethod
    def load(self, folder: Path | None) -> Dataset:
        """Read or make every split that is there; `folder` is the root that holds the task's files.

        Raises ZooError with file and line if the data are missing or malformed.
        """

    def absence(self, folder: Path | None) -> str | None:
        """Why the files to train and score on are not in a folder; None if they are there, or none are needed."""
        return None

    def read(self, path: Path) -> tuple[Example, ...]:
        """The items of one file that is laid out as the task's own are, with labels or without.

        Raises ZooError with file and line if it is malformed, or the task's items are not read from files.
        """
        raise ZooError(f"task {self.name!r} is generated and not read from files")

    def official(self, items: Sequence[Example], predictions: Sequence[Any]) -> dict[str, str]:
        """Predictions as the files of the task's own evaluation, by how their names end; none by default."""
        return {}

    def read_official(self, path: Path, items: Sequence[Example]) -> list[Any]:
        """Predictions for these items from such a file. Raises ZooError if the task has none, or it does not fit."""
        raise ZooError(f"{path} is no folder of a model, and task {self.name!r} has no layout for files of predictions")

    def training_items(self, dataset: Dataset) -> tuple[Example, ...]:
        """The items to learn from: those of the train split that have a label."""
        return tuple(item for item in dataset.splits.get(self.train_split, ()) if item.label is not None)


def labels_of(items: Iterable[Example]) -> list[Label]:
    """The labels of those items that have one."""
    return [item.label for item in items if item.label is not None]


def spelled(word: str) -> str:
    """A label's word in the one spelling that its common ones share."""
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)", "", word).casefold()


def content_hash(splits: Mapping[str, tuple[Example, ...]]) -> str:
    """A SHA-256 over every item of every split, in order."""
    digest = hashlib.sha256()
    for name in sorted(splits):
        digest.update(f"{name}\n".encode())
        for item in splits[name]:
            content = [item.first, item.second, item.label, *([item.choices] if item.choices else [])]
            content += [{name: its} for name, its in (("spans", item.spans), ("groups", item.groups)) if its]
            digest.update(json.dumps(content).encode() + b"\n")
    return digest.hexdigest()
