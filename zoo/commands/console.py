"""What the commands of the command line have in common."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from typing import Annotated

import typer
from pydantic import JsonValue

from zoo.commands.streams import results
from zoo.core.errors import CONTROLS, visible
from zoo.document import Document, Table
from zoo.document.text import table_lines, terminal_width, text, wrapped
from zoo.registry.catalog import Catalog
from zoo.registry.plugins import Plugin

OUTPUT = "Output"

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, and everything else on standard error.", rich_help_panel=OUTPUT)
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first plugin that fails.", rich_help_panel=OUTPUT)]


MOST_ROWS = 40
"""Rows of a table on a terminal; a longer one is cut."""


def open_catalog(strict: bool, warn: bool = True) -> Catalog:
    """The catalog of installed plugins; failures are left out with a warning, or raised with `strict`."""
    return Catalog.installed(strict=strict, on_failure=_warn if warn else _pass)


def _warn(plugin: Plugin, phase: str, reason: str) -> None:
    print(f"warning: plugin {plugin.origin} failed at {phase}: {visible(reason)}", file=sys.stderr)


def _pass(plugin: Plugin, phase: str, reason: str) -> None:
    pass


def split(names: str) -> list[str]:
    """Names that were given separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()]


def print_json(answer: object) -> None:
    """An answer as JSON, alone on standard output; a string is printed as it is."""
    text = answer if isinstance(answer, str) else json.dumps(answer, indent=1, ensure_ascii=False)
    lines = (CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in text.split("\n"))
    print("\n".join(lines), file=results())


def print_rows(rows: list[dict[str, JsonValue]], as_json: bool) -> None:
    """Rows of equal fields as a table, or as JSON; names are printed as they are, markup and all."""
    if as_json:
        print_json(rows)
        return
    if not rows:
        print("nothing")
        return
    numbers = {name for name in rows[0] if all(isinstance(row[name], int | float | None) for row in rows)}
    show_table(
        Table(tuple(rows[0]), tuple(tuple(map(_cell, row.values())) for row in rows), words={*rows[0]} - numbers)
    )


def show(document: Document) -> None:
    """A report on standard output, as wide as the terminal; long tables are cut there."""
    width = terminal_width()
    print(text(document, width, MOST_ROWS if width else None), end="")


def show_answer(document: Document) -> None:
    """The sentence that answers, once more: it ends what a command prints."""
    for line in document.answer[:1]:
        print("\n".join([*wrapped(visible(line), terminal_width()), ""]))


def show_table(table: Table) -> None:
    """A table on standard output, as wide as the terminal."""
    print("\n".join(table_lines(table, terminal_width())))


def _cell(value: JsonValue) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 1_000 else json.dumps(value)


def quoted(place: object) -> str:
    """A path as it is typed in a shell."""
    return shlex.quote(str(place))


def ending(wrote: Mapping[str, object], *commands: str) -> None:
    """The last lines of a command: what it wrote, and what to type next; on standard error if the answer is JSON."""
    for what, place in wrote.items():
        print(f"{what}: {place}")
    for index, command in enumerate(commands):
        print(f"{'     ' if index else 'next:'} {command}")
