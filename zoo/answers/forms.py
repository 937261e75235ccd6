"""Files of predictions and gold labels, read as rows of named values; a file's form is recognized by its content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from zoo.answers.columns import KNOWN, PREDICTION
from zoo.core.errors import UnknownName, ZooError
from zoo.core.files import read_regular
from zoo.core.json_files import parse_array, parse_object
from zoo.tasks.rows import read_csv, read_tsv
from zoo.tasks.squad import TASKS as SQUAD
from zoo.tasks.tables import open_table
from zoo.tasks.tagged_text import ConllFile, read_tagged_texts
from zoo.tasks.tagging import TAG
from zoo.text.lines import read_lines

LARGEST = 1_000_000_000
"""The most bytes of a JSON file."""

N_LOOKED_AT = 50
"""The lines at a file's start by which its form is recognized."""


@dataclass(frozen=True)
class Row:
    """The values of a row by column, and its place as file:line."""

    where: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RowFile:
    """A file's rows; the columns of a file without a header are called 1, 2, ..."""

    name: str
    form: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_rows(path: Path, form: str | None = None, split: str | None = None, header: Sequence[str] = ()) -> RowFile:
    """The rows of a file in this form; without one, in the form that its content shows.

    A first line is a header if it holds a usual name of a column, or one in `header`. `split` is the split to read of
    zoo's own files. Raises ZooError with file and line if it is malformed, and UnknownName for an unknown form.
    """
    form = form or recognized(path)
    if form not in FORMS:
        raise UnknownName("form of files", form, FORMS)
    if form in _TABLES:
        columns, rows = _cells(path, _TABLES[form](path), {*KNOWN, *map(str.lower, header)})
    elif form == "json":
        form, rows = _json(path, split)
        columns = _columns(rows)
    else:
        rows = list(FORMS[form](path))
        columns = _columns(rows)
    if not rows:
        raise ZooError(f"{path}: holds no items")
    if form == "jsonl" and {"doc_id", "filtered_resps"} <= {*columns}:
        form = "lm-eval"
    return RowFile(str(path), form, columns, tuple(rows))


def rows_of(name: str, values: Iterable[Any]) -> RowFile:
    """Predictions or labels in memory as rows."""
    plain = (value.item() if hasattr(value, "item") else value for value in values)
    rows = tuple(Row(f"{name}, item {n}", {PREDICTION: value}) for n, value in enumerate(plain, 1))
    return RowFile(name, "list", (PREDICTION,), rows)


def recognized(path: Path) -> str:
    """The form of a file, by its suffix or its first lines."""
    if path.suffix in (".parquet", ".arrow"):
        return "parquet"
    if path.suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    lines = [line for _, line in islice(read_lines(path), N_LOOKED_AT)]
    first, *more = [line for line in lines if line.strip()] or [""]
    if first.lstrip().startswith(("{", "[")):
        return "jsonl" if more and _is_json(first) else "json"
    cells = first.split("\t") if "\t" in first else first.split()
    has_blank_lines = any(not line.strip() for line in lines)
    if path.suffix in (".conll", ".bmes") or (has_blank_lines and 2 <= len(cells) <= 4 and TAG.fullmatch(cells[-1])):
        return "conll"
    if "\t" in first:
        return "tsv"
    return "csv" if path.suffix == ".csv" or {*first.lower().split(",")} & {*KNOWN} else "lines"


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _cells(path: Path, rows: Iterator[tuple[int, list[str]]], known: set[str]) -> tuple[tuple[str, ...], list[Row]]:
    """The columns and rows of a table, the first of which is a header if it names a known column."""
    number, first = next(rows, (1, []))
    stripped = [cell.strip() for cell in first]
    names = stripped if known & {name.lower() for name in stripped} else [str(n + 1) for n in range(len(first))]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ZooError(f"{path}:{number}: two columns are called {twice!r:.60}")
    found = [] if names is stripped else [_row(path, number, names, first)]
    return tuple(names), found + [_row(path, number, names, cells) for number, cells in rows]


def _row(path: Path, number: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(names):
        raise ZooError(f"{path}:{number}: has {len(cells)} columns, and the first line has {len(names)}")
    return Row(f"{path}:{number}", dict(zip(names, map(str.strip, cells), strict=True)))


def _columns(rows: Iterable[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in row.values))


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in read_lines(path):
        if line.strip():
            where = f"{path}:{number}"
            yield _object(where, parse_array(f"[{line}]".encode(), where)[0])


def _object(where: str, value: Any) -> Row:
    return Row(where, value if isinstance(value, dict) else {PREDICTION: value})


def _conll(path: Path) -> Iterator[Row]:
    for text in read_tagged_texts(path, ConllFile(path=str(path))):
        tags = text.tags or text.words
        yield Row(f"{path}:{text.lines[0]}", {"tags": tags, **({"tokens": text.words} if text.tags else {})})


def _parquet(path: Path) -> Iterator[Row]:
    table = open_table(path)
    for number, values in table.rows(table.names):
        yield Row(f"{path}:{number}", dict(zip(table.names, values, strict=True)))


def _json(path: Path, split: str | None) -> tuple[str, list[Row]]:
    """Which of the forms of JSON files it is, by its keys, and its rows."""
    content = read_regular(path, LARGEST)
    if content.lstrip().startswith(b"["):
        values = parse_array(content, str(path))
        return "json", [_object(f"{path}: entry {n}", value) for n, value in enumerate(values, 1)]
    found = parse_object(content, str(path))
    if isinstance(found.get("results"), dict) and isinstance(found.get("configs"), dict):
        raise ZooError(
            f"{path}: holds the evaluation harness's scores of whole tasks; give the samples_*.jsonl beside it, which "
            "--log_samples writes"
        )
    if isinstance(found.get("data"), list):
        return "squad", list(_squad(path))
    for key, other in (("predictions", "job"), ("answers", "task")):
        if isinstance(found.get(key), dict) and other in found:
            return "zoo", list(_own(path, found[key], split))
    return "json", [Row(f"{path}: {name!r:.60}", {"id": name, PREDICTION: value}) for name, value in found.items()]


def _own(path: Path, by_split: Mapping[str, Any], split: str | None) -> Iterator[Row]:
    """The predictions or gold labels of one split, in files of a run folder."""
    name = split or next(iter(by_split), "")
    if name not in by_split:
        raise UnknownName("split of this file", name, by_split, str(path))
    if not isinstance(by_split[name], list):
        raise ZooError(f"{path}: {name} should be a list, and is {by_split[name]!r:.60}")
    return (Row(f"{path}: item {n} of {name}", {PREDICTION: value}) for n, value in enumerate(by_split[name], 1))


def _squad(path: Path) -> Iterator[Row]:
    task = next(task for task in SQUAD if task.options)  # it allows questions without an answer
    for item in task.read(path):
        if item.label is None:
            raise ZooError(f"{path}: question {item.id!r:.60} has no field answers, so it cannot be scored")
        answers = {"text": [text for _, text in item.label]}
        yield Row(f"{path}: question {item.id!r:.60}", {"id": item.id, "answers": answers})


_TABLES: Mapping[str, Callable[[Path], Iterator[tuple[int, list[str]]]]] = {
    "tsv": read_tsv,
    "csv": read_csv,
    "lines": lambda path: ((number, [line]) for number, line in read_lines(path)),
}

FORMS: Mapping[str, Any] = {
    **_TABLES,
    "jsonl": _jsonl,
    "json": _json,
    "conll": _conll,
    "parquet": _parquet,
}
"""The forms that can be asked for; a JSON file may be of several, which its keys tell apart."""
