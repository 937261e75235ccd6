"""A document as one HTML page that needs nothing else; every name in it is text, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from zoo.core.errors import visible
from zoo.document.blocks import Block, Document, Figure, Notes, Section, Table, breakable
from zoo.document.plotting import svg

PAGE = Path(__file__).with_name("page.html")

MOST_ROWS = 20
"""A longer table is folded."""


def render(document: Document) -> str:
    """The page. Raises ZooError if it has figures and matplotlib is missing."""
    parts = [
        *map(_section, document.sections),
        *(_folded(name, f"<pre>{escape(text)}</pre>") for name, text in document.files.items()),
    ]
    page = PAGE.read_text(encoding="utf-8")
    return page.replace("TITLE", escaped(document.title)).replace("BODY", "\n".join(parts))


def fragment(parts: Iterable[Section]) -> str:
    """Sections for a notebook, which has a page of its own."""
    return "\n".join(map(_section, parts))


def table(table: Table) -> str:
    """A table that scrolls where it is too wide."""
    rows = "\n".join(
        f"<tr>{''.join(_cell(table, row, column, cell) for column, cell in enumerate(cells))}</tr>"
        for row, cells in enumerate(table.rows)
    )
    head = "".join(f"<th{_kind(table, column)}>{escaped(name)}</th>" for column, name in enumerate(table.columns))
    return f'<div class="scroll"><table>\n<tr>{head}</tr>\n{rows}\n</table></div>'


def escaped(text: str) -> str:
    """Text that HTML shows as it is; an expression may break after a plus."""
    return "<wbr>".join(map(escape, breakable(visible(text))))


def _section(section: Section) -> str:
    head = f'<h2 id="{escape(section.id)}">{escaped(section.title)}</h2>' if section.title else ""
    return "\n".join([f"<section>{head}", *map(_block, section.blocks), "</section>"])


def _block(block: Block) -> str:
    if isinstance(block, Notes):
        kind = "ol" if block.numbered else "ul"
        return f"<{kind}>{''.join(f'<li>{escaped(note)}</li>' for note in block.lines)}</{kind}>"
    if isinstance(block, Figure):
        # matplotlib escapes the names that it writes.
        picture = f'<h3>{escaped(block.title)}</h3>\n<div class="scroll">{svg(block.draw)}</div>'
        return picture + (_folded("The same in numbers", table(block.data)) if block.data else "")
    title = f"<h3>{escaped(block.title)}</h3>\n" if block.title else ""
    shown = table(block)
    return title + (_folded(f"{len(block.rows)} rows", shown) if len(block.rows) > MOST_ROWS else shown)


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{escaped(summary)}</summary>{content}</details>"


def _kind(table: Table, column: int) -> str:
    return ' class="words"' if table.holds_words(column) else ""


def _cell(table: Table, row: int, column: int, cell: str) -> str:
    tag = "th" if column == 0 else "td"
    rank = table.ranks.get((row, column))
    text = escaped(cell) if table.holds_words(column) else escape(visible(cell))
    if rank is None:
        return f"<{tag}{_kind(table, column)}>{text}</{tag}>"
    kind = ' class="first"' if rank == 1 else ""
    return f'<td{kind}>{text}<span class="tier" title="tier {rank}">{rank}</span></td>'
