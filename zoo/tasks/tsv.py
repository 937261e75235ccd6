"""Tasks whose items lie in tab-separated files, described column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Self

from pydantic import model_validator

from zoo.core.errors import ZooError
from zoo.tasks.files import FilesTask, SplitFile
from zoo.tasks.items import refuse_one_label, refuse_outside
from zoo.tasks.kinds import task_kind
from zoo.tasks.rows import Cells, read_tsv
from zoo.tasks.stored import StoredLayout, read_stored
from zoo.tasks.task import Dataset, Example, Label, content_hash
from zoo.text.lines import read_lines


class TsvFile(SplitFile):
    """One split's file: where it lies, and which columns hold the texts and the label.

    Columns are found by name in the file's first line; a file without such a line has its names in `columns`.
    """

    columns: tuple[str, ...] | None = None
    first: str
    second: str | None = None
    label: str | None = None
    groups: tuple[str, ...] = ()
    """Columns that name sets of items: an item is in the set of a column where its cell is filled, and in that of each
    value in the cell, semicolons between them. Columns with a + between them name the sets of their values together."""
    skip_malformed: bool = False
    """Leave out lines with too few or too many columns, and say how many; else they are errors."""

    @property
    def used(self) -> tuple[str, ...]:
        """The names of the columns that are read."""
        return tuple(name for name in (self.first, self.second, self.label) if name is not None)

    def groups_of(self, row: Mapping[str, str]) -> Iterator[str]:
        """The names of the sets that an item is in; none by columns that are empty or not there."""
        for columns in self.groups:
            cells = [row.get(name, "").strip() for name in columns.split("+")]
            if all(cells) and len(cells) > 1:
                yield ", ".join(cells)
            elif all(cells):
                yield columns
                yield from (f"{columns}: {value.strip()}" for value in cells[0].split(";"))


class TsvTask(FilesTask):
    """A task with one tab-separated file per split: no quoting, no escapes, spaces around a cell dropped."""

    LOCATION: ClassVar = frozenset({"stored"})

    files: dict[str, TsvFile]
    score_range: tuple[float, float] | None = None
    stored: StoredLayout | None = None
    """How the data sets library keeps the same items, which are read where the files are not there."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        try:
            problem = task_kind(self).problem()
        except ZooError as error:
            raise ValueError(str(error)) from None
        if problem:
            raise ValueError(f"a {self.kind} task {problem}")
        for split, file in self.files.items():
            if (file.second is not None) != self.pair:
                raise ValueError(f"file {split!r}: a task of pairs names a second column, any other none")
            if file.label is None and split in (self.train_split, *self.dev_splits):
                raise ValueError(f"file {split!r}: a split to train or score on needs a label column")
            if file.columns is not None and not set(file.used) <= set(file.columns):
                raise ValueError(f"file {split!r}: columns must hold {', '.join(file.used)}")
        return self

    def absence(self, folder: Path | None) -> str | None:
        """As FilesTask says; a folder of the data sets library will do."""
        return None if self._stored_in(folder) else super().absence(folder)

    def _stored_in(self, folder: Path | None) -> Path | None:
        return self.stored.place(folder) if self.stored and folder else None

    def load(self, folder: Path | None) -> Dataset:
        """Read every split that is there; what was skipped or looks odd is said in the notes.

        Raises ZooError with file and line if a file is missing or malformed.
        """
        splits: dict[str, tuple[Example, ...]] = {}
        notes: list[str] = []
        try:
            found = self.find(folder)
        except ZooError:
            place = self._stored_in(folder)
            if self.stored is None or place is None:
                raise
            return read_stored(self, self.stored, place)
        for split, path in found.items():
            splits[split] = items = self._read(self.files[split], path, notes)
            if split == self.train_split:
                refuse_one_label(self, path, items)
        return Dataset(splits=splits, content_hash=content_hash(splits), notes=tuple(notes))

    def read(self, path: Path) -> tuple[Example, ...]:
        """The items of one file that is laid out as any of the splits, with labels or without.

        Raises ZooError with file and line if it is missing, malformed or laid out as none.
        """
        cells = [cell.strip() for cell in next(read_lines(path), (1, ""))[1].split("\t")]
        files = list(self.files.values())
        fitting = [file for file in files if file.columns is None and set(file.used) <= set(cells)]
        fitting += [file for file in files if file.columns is not None and len(file.columns) == len(cells)]
        if not fitting:
            wanted = " or ".join(dict.fromkeys(", ".join(file.used) for file in files))
            raise ZooError(f"{path}:1: must be a header that names {wanted}, as files of task {self.name!r} do")
        return self._read(fitting[0], path, [])

    def _read(self, file: TsvFile, path: Path, notes: list[str]) -> tuple[Example, ...]:
        rows = read_tsv(path)
        names = file.columns or _header(file, path, rows)
        indices = [names.index(name) for name in file.used]
        items, n_skipped, n_empty, kind = [], 0, 0, task_kind(self)
        for number, cells in rows:
            if len(cells) != len(names):
                if not file.skip_malformed:
                    raise ZooError(f"{path}:{number}: has {len(cells)} of {len(names)} columns: {', '.join(names)}")
                n_skipped += 1
                continue
            used = [cells[index].strip() for index in indices]
            if file.columns and number == 1 and any(map(str.__eq__, used, file.used)):
                raise ZooError(f"{path}:1: is a header, which this file should not have; remove the line")
            label = None if file.label is None else self._label(used.pop(), f"{path}:{number}")
            n_empty += "" in used
            groups = tuple(file.groups_of(dict(zip(names, cells, strict=True)))) if file.groups else ()
            items.append(Example(used[0], used[1] if self.pair else None, label, groups=groups))
            if label is not None and not kind.fits_item(items[-1]):
                raise ZooError(f"{path}:{number}: the label of a {self.kind} task is {kind.wanted}, as fits its text")
        if n_skipped:
            notes.append(f"{file.path}: left out {n_skipped} lines that do not have {len(names)} columns")
        if n_empty:
            notes.append(f"{file.path}: {n_empty} items have an empty text")
        if not items:
            lost = f": none of its {n_skipped} lines has {len(names)} columns" if n_skipped else ""
            raise ZooError(f"{path} holds no items{lost}")
        return tuple(items)

    def _label(self, cell: str, where: str) -> Label:
        try:
            label = task_kind(self).read(cell)
            refuse_outside(label, self.score_range)
        except (ZooError, ValueError) as error:
            raise ZooError(f"{where}: {error}") from None
        return label


def _header(file: TsvFile, path: Path, rows: Cells) -> tuple[str, ...]:
    number, cells = next(rows, (1, []))
    names = tuple(cell.strip() for cell in cells)
    if not set(file.used) <= set(names):
        reads = "\t".join(cells)
        wanted = ", ".join(file.used)
        raise ZooError(f"{path}:{number}: must be a header that names the columns {wanted}; it reads {reads!r:.80}")
    return names
