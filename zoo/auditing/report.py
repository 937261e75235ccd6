"""Audits as a document, and a file of Markdown with an audit in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.auditing.audit import Audit
from zoo.auditing.chart import draw
from zoo.core.errors import ZooError
from zoo.core.files import write_text
from zoo.document import Document, Figure, Notes, Section

BEGIN, END = "<!-- zoo audit: begin -->", "<!-- zoo audit: end -->"


def with_notes(sections: Iterable[Section], notes: Iterable[str]) -> list[Section]:
    """The sections, and the notes below them if there are any."""
    lines = tuple(notes)
    return [*sections, *([Section("notes", "", (Notes(lines),))] if lines else [])]


def page(audits: Sequence[Audit], sections: Iterable[Section]) -> Document:
    """A document with the chart of components first."""
    chart = Section("chart", "", (Figure("Stored parameters by component", lambda: draw(audits)),))
    return Document("Parameter audit", (chart, *sections))


def write_markdown(path: Path, text: str) -> None:
    """Write a page; of one that holds the marks of an audit, only what stands between them is replaced."""
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"cannot read {path}: {error}") from error
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    write_text(path, f"{before}{BEGIN}\n{text}{END}{after}" if begin and end else text)
