"""Tasks whose items lie in JSON objects, one per line, or in rows of CSV files, in the layout of a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from zoo.core.errors import ZooError, listed, nearest
from zoo.core.lazy import imported
from zoo.tasks.files import FilesTask, SplitFile
from zoo.tasks.items import item_of, refuse_one_label
from zoo.tasks.kinds import TaskKind, task_kind
from zoo.tasks.rows import header, picked, read_csv, read_objects
from zoo.tasks.task import Dataset, Example, content_hash

Layout: TypeAlias = Callable[["Row"], Iterable[Mapping[str, Any]]]
"""From a row to the fields of its items, as the task's kind names them, and perhaps their `id` and `groups`; of none if
the row has no gold label."""


class Row(dict[str, Any]):
    """The values of a row by key; one that is not there raises ZooError with the nearest key."""

    def __missing__(self, key: str) -> Any:
        close = nearest(key, self)
        raise ZooError(f"has no key {key!r}; {f'did you mean {close!r}? It' if close else 'it'} has {listed([*self])}")

    def row(self, key: str) -> Row:
        """The object at a key. Raises ZooError if it is none."""
        if not isinstance(self[key], dict):
            raise ZooError(f"{key} should be an object, and is {self[key]!r:.60}")
        return Row(self[key])

    def rows(self, key: str) -> list[Row]:
        """The list of objects at a key. Raises ZooError if it is none."""
        if not isinstance(self[key], list) or not all(isinstance(part, dict) for part in self[key]):
            raise ZooError(f"{key} should be a list of objects, and is {self[key]!r:.60}")
        return [Row(part) for part in self[key]]

    def text(self, key: str) -> str:
        """The text at a key. Raises ZooError if it is none."""
        if not isinstance(self[key], str):
            raise ZooError(f"{key} should be a text, and is {self[key]!r:.60}")
        return str(self[key])

    def number(self, key: str) -> int:
        """The whole number at a key, from 0. Raises ZooError if it is none."""
        value = self[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ZooError(f"{key} should be a whole number from 0, and is {value!r:.60}")
        return value


class ObjectsTask(FilesTask):
    """A task with one file per split: JSON objects, one per line, or CSV if its name ends so.

    `layout` is a function as "module:function", from a row to the fields of its items. `key` names the
    field that identifies a row, if there is one; no two rows of a file share its value.
    """

    files: dict[str, SplitFile]
    layout: str
    key: str | None = None

    def load(self, folder: Path | None) -> Dataset:
        """Read every split that is there; what was left out or looks odd is said in the notes.

        Raises ZooError with file and line if a file is missing or malformed.
        """
        notes: list[str] = []
        splits = {}
        for split, path in self.find(folder).items():
            splits[split] = self._read(path, split in (self.train_split, *self.dev_splits), notes)
            if split == self.train_split:
                refuse_one_label(self, path, splits[split])
        return Dataset(splits=splits, content_hash=content_hash(splits), notes=tuple(notes))

    def read(self, path: Path) -> tuple[Example, ...]:
        """The items of one file that is laid out as any of the splits, with labels or without."""
        return self._read(path, False, [])

    def _read(self, path: Path, scored: bool, notes: list[str]) -> tuple[Example, ...]:
        kind, layout, items, n_left_out = task_kind(self), imported(self.layout), [], 0
        lines: dict[Any, int] = {}
        for number, row in _rows(path):
            try:
                self._refuse_twice(lines, number, row)
                found = [_item(kind, fields, scored) for fields in layout(row)]
            except (ZooError, ValueError) as error:
                raise ZooError(f"{path}:{number}: {error}") from None
            items += found
            n_left_out += not found
        if n_left_out:
            notes.append(f"{path.name}: left out {n_left_out} rows without a gold label")
        if n_empty := sum("" in item.texts for item in items):
            notes.append(f"{path.name}: {n_empty} items have an empty text")
        if not items:
            raise ZooError(f"{path} holds no items{f': none of its {n_left_out} rows has a label' * bool(n_left_out)}")
        return tuple(items)

    def _refuse_twice(self, lines: dict[Any, int], number: int, row: Row) -> None:
        if self.key in row:
            value = f"{row[str(self.key)]}"
            if value in lines:
                raise ZooError(f"{self.key} is {value:.60}, as in line {lines[value]}; each row has its own")
            lines[value] = number


def _item(kind: TaskKind, fields: Mapping[str, Any], scored: bool) -> Example:
    item = item_of(kind, fields, scored)
    name, groups = fields.get("id"), tuple(fields.get("groups", ()))
    return item if name is None and not groups else replace(item, id="" if name is None else str(name), groups=groups)


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    if path.suffix != ".csv":
        return ((number, Row(row)) for number, row in read_objects(path))
    cells = read_csv(path)
    names = header(path, cells)
    return ((number, Row(zip(names, values, strict=True))) for number, values in picked(path, cells, names, names))
