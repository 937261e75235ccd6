"""A task of one's own for tests: its file, its data, and the data files of every format."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from zoo.core.errors import ZooError
from zoo.tasks.record_file import read_task_file
from zoo.tasks.task import Example

CSV = 'review,opinion\n"fine, so to say",good\npoor,bad\n'
TOML = """
name = "reviews"
kind = "classification"
labels = ["bad", "good"]

[files]
train = "train.csv"
dev = "dev.csv"

[columns]
text = "review"
label = "opinion"
"""
FINE = (Example("fine, so to say", None, 1), Example("poor", None, 0))
Rows = list[dict[str, Any]]


def complaint(path: Path, load: bool = False) -> str:
    with pytest.raises(ZooError) as caught:
        task = read_task_file(path)
        if load:
            task.load(None)
    assert caught.value.exit_code == 2
    return str(caught.value).removeprefix(f"{path.parent}/")


def as_cells(rows: Rows, write: Callable[[Iterable[list[str]]], None]) -> None:
    """Lists in several columns."""
    flat = [{f"{name}{place}": part for name, value in row.items() for place, part in _numbered(value)} for row in rows]
    write([[*flat[0]], *[[str(value) for value in row.values()] for row in flat]])


def _numbered(value: Any) -> list[tuple[Any, Any]]:
    return list(enumerate(value)) if isinstance(value, list) else [("", value)]


def tsv(path: Path, rows: Rows) -> None:
    as_cells(rows, lambda lines: path.write_text("".join("\t".join(line) + "\n" for line in lines)) and None)


def comma(path: Path, rows: Rows) -> None:
    with path.open("w", newline="") as file:
        as_cells(rows, csv.writer(file).writerows)


def jsonl(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def gzipped(path: Path, rows: Rows) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def parquet(path: Path, rows: Rows) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def arrow(path: Path, rows: Rows) -> None:
    table = pyarrow.Table.from_pylist(rows)
    with pyarrow.ipc.new_stream(str(path), table.schema) as file:
        file.write_table(table)


WRITERS = {"tsv": tsv, "csv": comma, "jsonl": jsonl, "jsonl.gz": gzipped, "parquet": parquet, "arrow": arrow}
