"""A document for other programs: CSV and JSON."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from io import StringIO

from pydantic import JsonValue

from zoo.core.errors import visible
from zoo.document.blocks import Document, Section, Table

COLUMNS = ("section", "table", "row", "column", "value")
"""The columns of the CSV: a line per cell of a table, or per note."""


def render_csv(document: Document) -> str:
    """Every cell of every table in a line of its own, and every note; a table that is alone as it is."""
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    tables = [table for section in document.sections for table in section.tables]
    if len(tables) == 1 and not any(section.notes for section in document.sections):
        lines.writerows([inert(cell) for cell in row] for row in (tables[0].columns, *tables[0].rows))
        return text.getvalue()
    lines.writerow(COLUMNS)
    for section in document.sections:
        for table in section.tables:
            for number, row in enumerate(table.rows, 1):
                for column, value in zip(table.columns, row, strict=True):
                    lines.writerow((section.id, inert(table.title), number, inert(column), inert(value)))
        for number, note in enumerate(section.notes, 1):
            lines.writerow((section.id, "notes", number, "", inert(note)))
    return text.getvalue()


def render_json(document: Document) -> str:
    """The data behind the document, and its sections as text."""
    made = asdict(document.made) if document.made else None
    sections = [as_json(part) for part in document.sections]
    shown = {**document.data(), "title": document.title, "made": made, "sections": sections}
    return json.dumps(shown, indent=1) + "\n"


def as_json(section: Section) -> dict[str, JsonValue]:
    """A section's tables and notes."""
    tables: list[JsonValue] = [_table(table) for table in section.tables]
    return {"id": section.id, "title": section.title, "tables": tables, "notes": list(section.notes)}


def inert(word: str) -> str:
    """Text that no spreadsheet takes for a formula, and no terminal for a command; numbers stay as they are."""
    word = visible(word)
    return f"'{word}" if word.lstrip().startswith(("=", "+", "-", "@")) and not _number(word) and word != "-" else word


def _number(word: str) -> bool:
    try:
        return bool(float(word)) or True
    except ValueError:
        return False


def _table(table: Table) -> dict[str, JsonValue]:
    return {"title": table.title, "columns": list(table.columns), "rows": [list(row) for row in table.rows]}
