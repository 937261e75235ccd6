"""Audits as a document, and a file of Markdown with an audit in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.auditing import tables
from zoo.auditing.audit import Audit, PublishedCount, printed_elsewhere
from zoo.auditing.chart import TITLE, chart
from zoo.core.errors import ZooError
from zoo.core.files import write_text
from zoo.document import Document, Figure, Notes, Section
from zoo.registry.catalog import Catalog

BEGIN, END = "<!-- zoo audit: begin -->", "<!-- zoo audit: end -->"


def with_notes(sections: Iterable[Section], notes: Iterable[str]) -> list[Section]:
    """The sections, and the notes below them if there are any."""
    lines = tuple(notes)
    return [*sections, *([Section("notes", "", (Notes(lines),))] if lines else [])]


def page(audits: Sequence[Audit], sections: Iterable[Section]) -> Document:
    """A document with the chart of components first."""
    first = Section(
        "where", "Parameters by component", (Notes((answer(audits),), lead=True), Figure(TITLE, chart(audits)))
    )
    return Document("Parameter audit", (first, *sections))


def answer(audits: Sequence[Audit]) -> str:
    """Whether the counts agree, in a sentence."""
    wrong = [audit.name for audit in audits if audit.disagreements]
    figures = [figure for audit in audits for figure in audit.sources.published]
    explained = sum(bool(figure.ways) for figure in figures)
    counted = audits[0].name if len(audits) == 1 else f"{len(audits)} variants"
    agree = f"of {', '.join(wrong)} differ" if wrong else "agree"
    published = f" {explained} of {len(figures)} published figures are explained." if figures else ""
    return f"{counted}: the parameters counted by formula, on the module and in checkpoints {agree}.{published}"


def as_json(audits: Sequence[Audit]) -> list[dict[str, object]]:
    """The audits for other programs; the second of two has its difference from the first."""
    objects = [audit.model_dump(mode="json") for audit in audits]
    if len(audits) == 2 and all(audit.breakdown for audit in audits):
        objects[1]["difference"] = tables.differences(*audits)
    return objects


def overviews(catalog: Catalog, audits: Sequence[Audit]) -> list[Section]:
    """A row per variant, and all that is published, of the rows of ablations too."""
    return [
        tables.overview(audits),
        tables.published([*_printed(audits), *printed_elsewhere(catalog)]),
        tables.components(audits),
        tables.sharing(audits),
        tables.costs(audits),
    ]


def details(audits: Sequence[Audit]) -> list[Section]:
    """Every count of a few audits; of two, also their difference."""
    compared = [tables.difference(*audits)] if len(audits) == 2 and all(audit.breakdown for audit in audits) else []
    shown = [tables.definitions(audits), tables.published(_printed(audits)), *compared, tables.breakdown(audits)]
    return [part for part in (*shown, tables.sharing(audits), tables.costs(audits)) if part.tables[0].rows]


def _printed(audits: Sequence[Audit]) -> list[tuple[str, PublishedCount]]:
    return [(audit.name, count) for audit in audits for count in audit.sources.published]


def notes(audits: Sequence[Audit]) -> list[str]:
    """What each audit notes, and its disagreements with their causes."""
    lines = [f"{audit.name}: {note}" for audit in audits for note in audit.notes]
    for audit in audits:
        for d in audit.disagreements:
            causes = ", ".join(d.causes)
            lines.append(f"{audit.name}: {d.source} gives {d.found:,} for {d.definition}, not {d.expected:,}: {causes}")
    return lines


def write_markdown(path: Path, text: str) -> None:
    """Write a page; of one that holds the marks of an audit, only what stands between them is replaced."""
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"cannot read {path}: {error}") from error
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    write_text(path, f"{before}{BEGIN}\n{text}{END}{after}" if begin and end else text)
