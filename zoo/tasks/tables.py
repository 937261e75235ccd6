"""Data files as rows of named fields, told apart by their suffix: cells, JSON lines, tagged words, Parquet, Arrow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from zoo.core.errors import ZooError
from zoo.tasks.rows import Cells, Values, header, picked, read_csv, read_objects, read_tsv, refuse_missing
from zoo.tasks.tagged_text import ConllFile, read_tagged_texts

Column: TypeAlias = str | tuple[str, ...]
"""The column of a field, or the columns that hold a list together."""


class Table(Protocol):
    """An open data file."""

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns."""

    def rows(self, wanted: Sequence[str]) -> Values:
        """The values of some columns, all of which are there, row by row. Raises ZooError with the place."""


class CellTable:
    """Rows of cells, the first of which names the columns unless names are given."""

    def __init__(self, path: Path, rows: Cells, names: Sequence[str] | None) -> None:
        self.path, self._rows = path, rows
        self.names: Sequence[str] = names or header(path, rows)

    def rows(self, wanted: Sequence[str]) -> Values:
        """As Table says."""
        return picked(self.path, self._rows, self.names, wanted, strip=False)


class ObjectTable:
    """JSON objects, one per line; the first one names the columns."""

    def __init__(self, path: Path) -> None:
        rows = read_objects(path)
        first = next(rows, None)
        self.path, self.names = path, tuple(first[1]) if first else ()
        self._rows = chain([first] if first else [], rows)

    def rows(self, wanted: Sequence[str]) -> Values:
        """As Table says."""
        for number, row in self._rows:
            try:
                yield number, [row[name] for name in wanted]
            except KeyError:
                refuse_missing(f"{self.path}:{number}", tuple(row), wanted, "key")


class TaggedTable:
    """Texts of tagged words, a word and its tag a line; a row is a text, and its line that of its first word."""

    def __init__(self, path: Path, names: Sequence[str] | None = None) -> None:
        texts = read_tagged_texts(path, ConllFile(path=str(path)))
        first = next(texts, None)
        self.names: Sequence[str] = () if first is None else ("tokens", "tags") if first.tags else ("tokens",)
        self._texts = chain([first] if first else [], texts)

    def rows(self, wanted: Sequence[str]) -> Values:
        """As Table says."""
        for text in self._texts:
            yield text.lines[0], [text.words if name == "tokens" else text.tags for name in wanted]


def _columns(path: Path, names: Sequence[str] | None) -> Table:
    from zoo.tasks.arrow import ColumnTable

    return ColumnTable(path)


FORMATS: Mapping[str, Callable[[Path, Sequence[str] | None], Table]] = {
    ".tsv": lambda path, names: CellTable(path, read_tsv(path), names),
    ".csv": lambda path, names: CellTable(path, read_csv(path), names),
    ".jsonl": lambda path, names: ObjectTable(path),
    ".conll": TaggedTable,
    ".bmes": TaggedTable,
    ".parquet": _columns,
    ".arrow": _columns,
}
"""By suffix, what opens a file; the first three may be gzipped."""


def has_word_lines(path: Path) -> bool:
    """Whether the words of a row are a line each, the first where the row begins."""
    return FORMATS.get(path.suffix) is TaggedTable


def open_table(path: Path, names: Sequence[str] | None = None) -> Table:
    """A data file, whose columns have these names if it has no header. Raises ZooError if it has no known suffix."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in FORMATS:
        raise ZooError(f"{path}: the name of a data file must end in {', '.join(FORMATS)}")
    return FORMATS[suffix](path, names)


def read_fields(
    path: Path,
    columns: Mapping[str, Column],
    optional: Collection[str] = (),
    names: Sequence[str] | None = None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row's line, or number, and its fields by name.

    `columns` are those of the fields; fields that are `optional` are left out where the file has no such column.
    Raises ZooError with the nearest name if another's column is missing.
    """
    table = open_table(path, names)
    lists = {field: column for field, column in columns.items() if isinstance(column, tuple)}
    flat = {field: (column,) if isinstance(column, str) else column for field, column in columns.items()}
    there = {field: its for field, its in flat.items() if field not in optional or {*its} <= {*table.names}}
    wanted = [name for its in there.values() for name in its]
    if table.names:
        refuse_missing(f"{path}:1", table.names, wanted, "column")
    rows = table.rows(wanted)
    if not {*lists} & {*there}:
        return ((number, dict(zip(there, values, strict=True))) for number, values in rows)
    return ((number, _together(there, lists, values)) for number, values in rows)


def _together(there: Mapping[str, tuple[str, ...]], lists: Collection[str], values: Sequence[Any]) -> dict[str, Any]:
    left = iter(values)
    return {field: [next(left) for _ in its] if field in lists else next(left) for field, its in there.items()}
