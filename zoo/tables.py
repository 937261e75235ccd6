"""Tables ready to print, and how they look on a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

MISSING = "-"


@dataclass(frozen=True)
class Table:
    """Labelled rows under named columns, every cell as text."""

    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def print_rows(table: Table, console: Console, line_after: int | None = None) -> None:
    """On a terminal, names as they are, markup and all; with a line after one of the rows."""
    shown = RichTable()
    shown.add_column(Text(table.corner))
    for column in table.columns:
        shown.add_column(Text(printable(column)), justify="right", overflow="fold")
    for index, (label, values) in enumerate(table.rows):
        shown.add_row(*(Text(printable(cell)) for cell in (label, *values)), end_section=index == line_after)
    console.print(shown)


def markdown_rows(table: Table) -> list[str]:
    """Lines of Markdown."""
    lines = [_row([table.corner, *table.columns]), _row(["---", *["---:"] * len(table.columns)])]
    return lines + [_row([label, *values]) for label, values in table.rows]


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in "\\`*_<>[]|#$~&" else char for char in printable(text))


def printable(text: str) -> str:
    """Text without the characters that move a cursor or begin a terminal's commands."""
    return "".join(char if char.isprintable() else " " for char in text)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
