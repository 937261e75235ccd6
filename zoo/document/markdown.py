"""A document in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zoo.core.errors import visible
from zoo.document.abbreviated import abbreviated
from zoo.document.blocks import Block, Document, Figure, Notes, Section, Table


def render(document: Document) -> str:
    """A page: the title, then a heading for each section."""
    document = abbreviated(document)
    made = f"{document.made.date}: {escape(document.made.command)}\n\n" if document.made else ""
    return f"# {escape(document.title)}\n\n{made}{sections(document.sections)}"


def sections(parts: Iterable[Section], level: int = 2) -> str:
    """Sections under headings of a level; those without a title have none."""
    lines: list[str] = []
    for section in parts:
        lines += [f"{'#' * level} {escape(section.title)}", ""] if section.title else []
        for block in section.blocks:
            shown = list(_block(block))
            lines += [*shown, ""] if shown else []
    return "\n".join(lines).rstrip() + "\n"


def table_lines(table: Table) -> list[str]:
    """The lines of a table."""
    rules = ["---" if table.holds_words(column) else "---:" for column in range(len(table.columns))]
    return [_row(table.columns), "|" + "|".join(rules) + "|", *map(_row, table.rows)]


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in "\\`*_<>[]|#$~&" else char for char in visible(text))


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Notes) and block.lead:
        first, *rest = map(escape, block.lines)
        yield "\n\n".join([f"**{first}**", *rest])
        return
    if isinstance(block, Notes):
        mark = "1." if block.numbered else "-"
        yield from (f"{mark} {escape(note)}" for note in block.lines)
        return
    table = block.data if isinstance(block, Figure) else block
    if table is None:
        return
    if block.title:
        yield from (f"**{escape(block.title)}**", "")
    yield from table_lines(table)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(escape, cells)) + " |"
