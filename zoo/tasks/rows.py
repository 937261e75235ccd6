"""Rows of text files, each with the number of the line where it begins: TSV, CSV and JSONL."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

from zoo.core.errors import ZooError, listed, nearest
from zoo.core.json_files import parse_object
from zoo.text.lines import LONE_RETURN, read_lines

Cells: TypeAlias = Iterator[tuple[int, list[str]]]
"""Lines' numbers from 1, and the cells that begin there."""

Values: TypeAlias = Iterator[tuple[int, Sequence[Any]]]
"""Lines' numbers, or rows' where a file has no lines, and values that cells stand for."""

LARGEST_CELL = 10_000_000
"""The most characters of a cell of a CSV file; a longer one is a quote that is never closed."""

csv.field_size_limit(LARGEST_CELL)  # the module knows one limit for all readers, which is too low for long texts


def read_tsv(path: Path) -> Cells:
    """Lines cut at tabs, blank ones left out; a quote is a character. Raises ZooError as `read_lines` does."""
    return ((number, line.split("\t")) for number, line in read_lines(path) if line)


def read_csv(path: Path) -> Cells:
    """Rows of comma-separated values (RFC 4180), blank lines left out.

    A cell in quotes may hold commas, line ends and doubled quotes. Raises ZooError as `read_lines` does, and with the
    line where a row begins whose quotes are wrong.
    """
    rows = csv.reader((line + "\n" for _, line in read_lines(path)), strict=True)
    number = 1
    try:
        for cells in rows:
            if cells:
                yield number, cells
            number = rows.line_num + 1
    except csv.Error as error:
        raise ZooError(f"{path}:{number}: {_quotes(str(error))}") from None


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a file with one per line, blank lines left out.

    Raises ZooError with file and line for anything else, for NaN and infinite numbers, and for a key given twice.
    """
    for number, line in read_lines(path):
        if line and not line.isspace():
            try:
                yield number, parse_object(line.encode(), f"{path}:{number}")
            except ZooError as error:
                raise ZooError(str(error).replace(": line 1 column ", ", character ")) from None


def header(path: Path, rows: Cells) -> tuple[str, ...]:
    """The names of the columns, which the first row holds. Raises ZooError if there is none, or a name is twice."""
    number, cells = next(rows, (1, []))
    names = tuple(cell.strip() for cell in cells)
    if not any(names):
        raise ZooError(f"{path}:{number}: is empty; its first line must name the columns")
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise ZooError(f"{path}:{number}: two columns are called {twice!r:.60}")
    return names


def picked(
    path: Path, rows: Cells, names: Sequence[str], wanted: Sequence[str], line: int = 1, *, strip: bool = True
) -> Cells:
    """The cells of some columns of each row, in the order wanted, without spaces around them if those are to go.

    `names` are those of all columns, given in `line`. Raises ZooError with the nearest name if a column is missing, and
    with the line of a row that has more or fewer cells than there are columns.
    """
    refuse_missing(f"{path}:{line}", names, wanted, "column")
    take, width = _taker([list(names).index(name) for name in wanted]), len(names)
    for number, cells in rows:
        if len(cells) != width:
            raise ZooError(f"{path}:{number}: has {len(cells)} of {width} columns: {listed(names)}")
        yield number, [cell.strip() for cell in take(cells)] if strip else list(take(cells))


def refuse_missing(where: str, names: Sequence[str], wanted: Sequence[str], what: str) -> None:
    """Raises ZooError, with the nearest name, if one that is wanted is not among the names."""
    for name in wanted:
        if name not in names:
            close = nearest(name, names)
            hint = f"did you mean {close!r}? It" if close else "it"
            raise ZooError(f"{where}: has no {what} {name!r:.60}; {hint} has {listed(names) or 'none'}")


def _taker(places: Sequence[int]) -> Callable[[list[str]], Sequence[str]]:
    if len(places) == 1:
        only = places[0]
        return lambda cells: cells[only : only + 1]
    return itemgetter(*places) if places else lambda cells: ()


def _quotes(error: str) -> str:
    """What csv's words mean."""
    if "unexpected end" in error or "field limit" in error:
        return 'a quote opens in this row and is never closed; write a quote inside a cell as ""'
    if "new-line character" in error:
        return LONE_RETURN
    if "expected after" in error:
        return 'text follows a closing quote; put the whole cell in quotes, and write a quote inside it as ""'
    return f"is no row of comma-separated values: {error}"
