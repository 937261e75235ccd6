"""Tasks of one's own: items in data files of any known format, described by a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from zoo.core.errors import ZooError
from zoo.tasks.items import item_of, refuse_one_label, refuse_outside, share_of
from zoo.tasks.kinds import task_kind
from zoo.tasks.kinds.kind import UnfitWord
from zoo.tasks.tables import Column, has_word_lines, read_fields
from zoo.tasks.task import Dataset, Example, Task, content_hash

Files = Annotated[tuple[str, ...], Field(min_length=1)]


HELD_OUT = "dev"
"""The split that is a share of the training items."""


class RecordTask(Task):
    """A task whose items lie in TSV, CSV, JSONL, Parquet or Arrow files, one or several for each split.

    `files` lie in the folder `place`, or in that given as `--data` where they are no longer there. `columns` gives the
    column of each field of the task's kind that is not called as the field is; `names` those of all columns of files
    without a header. `class_names` are the words for a column's class ids. Labels of splits in `unlabelled` are not
    read, as those of a benchmark's test split, which are placeholders. Scores lie within `score_range`. Without a
    development file, the split dev is a share of the training items, `held_out`, which is not trained on.
    """

    LOCATION: ClassVar = frozenset({"place", "files", "columns", "names", "class_names"})

    files: dict[str, Files]
    columns: dict[str, Column] = Field(default={})
    names: tuple[str, ...] | None = None
    class_names: dict[str, tuple[str, ...]] = Field(default={})
    unlabelled: tuple[str, ...] = ()
    score_range: tuple[float, float] | None = None
    held_out: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    place: str

    def load(self, folder: Path | None) -> Dataset:
        """Read every split.

        Raises ZooError with file and line, or row, if a file is missing or malformed, or a label does not fit its text.
        """
        root = self._root(folder)
        splits = {
            split: tuple(item for file in files for item in self._of_split(split, root / file))
            for split, files in self.files.items()
        }
        for split, items in splits.items():
            if not items:
                raise ZooError(f"{root / self.files[split][0]}: holds no items")
        if self.held_out:
            splits[self.train_split], splits[HELD_OUT] = share_of(splits[self.train_split], self.held_out)
            for split in (self.train_split, HELD_OUT):
                if not splits[split]:
                    raise ZooError(f"{root / self.files[self.train_split][0]}: held_out leaves no items in {split}")
        if self.train_split in splits:
            refuse_one_label(self, root / self.files[self.train_split][0], splits[self.train_split])
        empty = {split: sum("" in item.texts for item in items) for split, items in splits.items()}
        notes = tuple(f"{split}: {n} items have an empty text" for split, n in empty.items() if n)
        return Dataset(splits, content_hash(splits), notes)

    def read(self, path: Path) -> tuple[Example, ...]:
        """The items of one file with the same columns, with labels or without. Raises ZooError as `load` does."""
        items = tuple(self._items(path, scored=False))
        if not items:
            raise ZooError(f"{path}: holds no items")
        return items

    @property
    def _scored(self) -> tuple[str, ...]:
        return (self.train_split, *self.dev_splits)

    def _root(self, folder: Path | None) -> Path:
        files = [Path(name) for names in self.files.values() for name in names]
        roots = [Path(self.place), *([folder] if folder else [])]
        for root in roots:
            if all((root / file).is_file() for file in files):
                return root
        missing = next(roots[0] / file for file in files if not (roots[0] / file).is_file())
        found = "is a folder and no file" if missing.is_dir() else "there is no such file"
        raise ZooError(f"{missing}: {found}, which task {self.name!r} needs")

    def _of_split(self, split: str, path: Path) -> Iterator[Example]:
        items = self._items(path, split in self._scored)
        return (replace(item, label=None) for item in items) if split in self.unlabelled else items

    def _items(self, path: Path, scored: bool) -> Iterator[Example]:
        kind = task_kind(self)
        fields = kind.fields()
        columns = {field.name: self.columns.get(field.name, field.name) for field in fields}
        left_out = {field.name for field in fields if field.optional or (field.gold and not scored)}
        words = self._words_for_ids(columns)
        for number, row in read_fields(path, columns, left_out, self.names):
            try:
                item = item_of(kind, row | {field: _named(row.get(field), its) for field, its in words.items()}, scored)
                if item.label is not None:
                    refuse_outside(item.label, self.score_range)
                yield item
            except UnfitWord as error:
                raise ZooError(f"{path}:{number + error.place * has_word_lines(path)}: {error}") from None
            except (ZooError, ValueError) as error:
                raise ZooError(f"{path}:{number}: {error}") from None

    def _words_for_ids(self, columns: Mapping[str, Column]) -> dict[str, tuple[str, ...]]:
        """By field, the task's own words for the ids in its column."""
        found = {field: self.class_names[column] for field, column in columns.items() if column in self.class_names}
        return {field: self._own_words(names) for field, names in found.items()}

    def _own_words(self, names: tuple[str, ...]) -> tuple[str, ...]:
        ids = self.ids_of(names)
        return names if ids is None else tuple(self.labels[index] for index in ids)


def _named(value: Any, names: tuple[str, ...]) -> Any:
    """The words for an id or a list of ids; -1 is no class."""
    if isinstance(value, list):
        return [_named(part, names) for part in value]
    if not isinstance(value, int) or value == -1:
        return value
    if not 0 <= value < len(names):
        raise ZooError(f"{value} is not a class id; there are {len(names)}, from 0")
    return names[value]
