"""A document as plain text: tables fit the width of the terminal, and no word is broken."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.cells import cell_len

from zoo.core.errors import visible
from zoo.document.abbreviated import abbreviated
from zoo.document.blocks import Block, Document, Figure, Notes, Table

GAP = 2
"""Spaces between columns."""

INDENT = 2
"""Spaces before what goes on from the line above."""

NARROWEST = 20
"""A terminal is taken to have at least so many columns."""

COMFORTABLE = 26
"""A column of words is not made narrower than this to have another beside it."""

_BREAKS = re.compile(r"\S+?\+(?=\S)|\S+|\s+")
"""A line breaks at white space, and in an expression after a plus."""


def terminal_width() -> int | None:
    """The columns of standard output; None, for no bound, where it is no terminal and COLUMNS does not say."""
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.stdout.isatty() and sys.__stdout__ else None
    except (OSError, ValueError):
        return None


def render(document: Document) -> str:
    """All of it, of any width."""
    return text(document)


def text(document: Document, width: int | None = None, most_rows: int | None = None) -> str:
    """All of it; with `most_rows`, longer tables are cut and what is left out is counted."""
    lines: list[str] = []
    for section in abbreviated(document).sections:
        lines += [*wrapped(section.title, width), ""]
        for block in section.blocks:
            shown = _block(block, width, most_rows)
            lines += [*shown, ""] if shown else []
    return "\n".join(lines)


def table_lines(table: Table, width: int | None = None) -> list[str]:
    """A table that fits; where it is too wide, its columns follow below, or each row has its lines."""
    if not table.rows:
        return []
    cells = [[visible(cell) for cell in row] for row in (table.columns, *table.rows)]
    natural = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    least = [_least(table.holds_words(n), *column) for n, column in enumerate(zip(*cells, strict=True))]
    least[0] = min(natural[0], least[0] + INDENT)
    if width is None:
        return _grid(table, cells, list(range(len(natural))), natural)
    width = max(width, NARROWEST)
    if max((least[0] + GAP + other for other in least[1:]), default=least[0]) > width:
        return _as_records(cells, width)
    lines: list[str] = []
    wanted = [
        max(least[n], min(natural[n], COMFORTABLE)) if table.holds_words(n) else least[n] for n in range(len(least))
    ]
    for columns in _groups(wanted, width):
        widths = _fitted([natural[c] for c in columns], [least[c] for c in columns], width)
        lines += ([""] if lines else []) + _grid(table, cells, columns, widths)
    return lines


def wrapped(line: str, width: int | None, indent: int = 0) -> list[str]:
    """A line in lines of at most so many columns, but for words that are longer; all but the first are indented."""
    if width is None or cell_len(line) <= width:
        return [line]
    lines = [""]
    for piece in _BREAKS.findall(line):
        if cell_len(lines[-1]) + cell_len(piece) > width and lines[-1].strip():
            lines.append(" " * indent)
        if piece.strip() or lines[-1].strip():
            lines[-1] += piece
    return [line.rstrip() for line in lines if line.strip()]


def _block(block: Block, width: int | None, most_rows: int | None) -> list[str]:
    if isinstance(block, Notes) and block.lead:
        paragraphs = [wrapped(visible(note), width) for note in block.lines]
        return [line for at, lines in enumerate(paragraphs) for line in ([""] * (at > 0) + lines)]
    if isinstance(block, Notes):
        marks = [f"{n}. " if block.numbered else "" for n in range(1, len(block.lines) + 1)]
        return [
            part
            for mark, note in zip(marks, block.lines, strict=True)
            for part in wrapped(mark + visible(note), width, indent=len(mark) or INDENT)
        ]
    if isinstance(block, Figure):
        return [*wrapped(visible(block.title), width), "", *_block(block.data, width, most_rows)] if block.data else []
    left_out = len(block.rows) - (most_rows or len(block.rows))
    shown = replace(block, rows=block.rows[:most_rows]) if left_out > 0 else block
    title = [*wrapped(visible(block.title), width), ""] if block.title else []
    more = [f"... and {left_out:,} more rows"] if left_out > 0 else []
    return [*title, *table_lines(shown, width), *more]


def _least(words: bool, name: str, *cells: str) -> int:
    """How narrow a column can be: names of columns and words may be wrapped, numbers not."""
    return max(_longest_piece(name), *map(_longest_piece if words else cell_len, cells))


def _longest_piece(cell: str) -> int:
    return max((cell_len(piece) for piece in _BREAKS.findall(cell) if piece.strip()), default=0)


def _groups(wanted: Sequence[int], width: int) -> Iterator[list[int]]:
    """Columns that fit beside each other, the first in each group."""
    group = [0]
    for column in range(1, len(wanted)):
        if len(group) > 1 and sum(wanted[c] + GAP for c in group) + wanted[column] > width:
            yield group
            group = [0]
        group.append(column)
    yield group


def _fitted(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """Widths between least and natural that fill the width: columns that lack little are served first, others share."""
    widths = list(least)
    left = width - sum(least) - GAP * (len(least) - 1)
    order = sorted(range(len(least)), key=lambda column: natural[column] - least[column])
    for served, column in enumerate(order):
        more = min(left // (len(order) - served), natural[column] - least[column])
        widths[column] += more
        left -= more
    return widths


def _grid(table: Table, cells: list[list[str]], columns: Sequence[int], widths: Sequence[int]) -> list[str]:
    rule = (" " * GAP).join("─" * width for width in widths)
    head, *rows = [_row(table, [row[c] for c in columns], columns, widths) for row in cells]
    lines = [*head, rule]
    for number, row in enumerate(rows):
        lines += [rule, *row] if number in table.rules and number else row
    return lines


def _row(table: Table, cells: Sequence[str], columns: Sequence[int], widths: Sequence[int]) -> list[str]:
    """A row in as many lines as its longest cell needs."""
    shape = list(zip(cells, columns, widths, strict=True))
    parts = [wrapped(cell, width, indent=INDENT * (column == 0)) for cell, column, width in shape]
    lines = []
    for at in range(max(map(len, parts))):
        line = ""
        for part, column, width in zip(parts, columns, widths, strict=True):
            cell = part[at] if at < len(part) else ""
            space = " " * (width - cell_len(cell))
            line += (cell + space if table.holds_words(column) else space + cell) + " " * GAP
        lines.append(line.rstrip())
    return lines


def _as_records(cells: list[list[str]], width: int) -> list[str]:
    """Each row as its label, and its cells below by the names of their columns."""
    (corner, *names), *rows = cells
    lines: list[str] = []
    for label, *values in rows:
        lines += wrapped(f"{corner}: {label}", width, indent=INDENT)
        for name, value in zip(names, values, strict=True):
            lines += ["  " + line for line in wrapped(f"{name}: {value}", width - INDENT, indent=INDENT)]
    return lines
