"""A document as one HTML page that needs nothing else; every name in it is text, whatever it holds."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from hashlib import sha256
from html import escape
from itertools import pairwise
from pathlib import Path

from zoo.core.errors import visible
from zoo.core.made import Made
from zoo.document import svg
from zoo.document.abbreviated import abbreviated
from zoo.document.blocks import Block, Document, Figure, Notes, Section, Table, breakable
from zoo.document.charts import Chart

MOST_ROWS = 20
"""A longer table is folded."""

SHORT = 16
"""Words of so many characters are not wrapped, and make no column wide."""

LISTED = 5
"""From so many sections on, a page has a list of contents."""


def render(document: Document) -> str:
    """The page: what leads it, the list of contents, and the rest."""
    document = abbreviated(document)
    first, rest = document.sections[:1], document.sections[1:]
    titled = [section for section in document.sections if section.title]
    listed = len(titled) >= LISTED
    body = [
        f"<header><h1>{escaped(document.title)}</h1>{_made(document.made)}</header>",
        *(_section(section, leads=True) for section in first),
        *([_contents(titled)] if listed else []),
        '<div class="rest">',
        *map(_section, rest),
        *(_folded(name, f"<pre>{escape(text)}</pre>", kind="file") for name, text in document.files.items()),
        "</div>",
    ]
    return page(document.title, "\n".join(body), listed=listed)


def page(
    title: str, body: str, *, listed: bool = False, scripts: Sequence[str] = (), styles: Sequence[str] = ()
) -> str:
    """A whole page around a body of HTML, whose policy allows the zoo's style and script only, by their hashes.

    `scripts` and `styles` are further source texts, which come after those of every page.
    """
    style = "".join([_text("chart.css"), _text("page.css"), *styles])
    script = "\n".join([_text("page.js"), *scripts])
    texts = {
        "style-hash": _hash(style),
        "script-hash": _hash(script),
        "title": escape(visible(title)),
        "style": style,
        "script": script,
        "body": body,
    }
    made = _text("page.html").replace(
        '<div class="page">', '<div class="page listed">' if listed else '<div class="page">'
    )
    head, *parts = made.split("{{")
    return head + "".join(texts[name] + rest for name, _, rest in (part.partition("}}") for part in parts))


def fragment(parts: Iterable[Section]) -> str:
    """Sections for a notebook, which has a page of its own."""
    return "\n".join([f'<div class="zoo"><style>{_text("chart.css")}</style>', *map(_section, parts), "</div>"])


def table(table: Table, label: str = "") -> str:
    """A table that scrolls where it is too wide; a body of rows begins at each of its rules."""
    bounds = sorted({0, len(table.rows), *(rule for rule in table.rules if 0 < rule < len(table.rows))})
    bodies = "\n".join(
        f"<tbody>\n{''.join(_row(table, row) for row in range(start, end))}</tbody>" for start, end in pairwise(bounds)
    )
    head = "".join(
        f'<th scope="col"{_kind(table, column)}>{escaped(name)}</th>' for column, name in enumerate(table.columns)
    )
    named = f' role="region" aria-label="{escape(visible(label))}"' if label else ""
    return f'<div class="scroll" tabindex="0"{named}><table>\n<thead><tr>{head}</tr></thead>\n{bodies}\n</table></div>'


def figure(title: str, chart: Chart, data: Table | None = None) -> str:
    """The panels of a chart, beside each other where there is room, and its legend."""
    caption = f"<figcaption>{escaped(title)}</figcaption>"
    panels = "\n".join(svg.panels(chart, title))
    legend = "".join(_legend_item(chart, name) for name in chart.legend)
    listed = f'\n<ul class="legend">{legend}</ul>' if legend else ""
    numbers = _folded("The same in numbers", table(data, title)) if data else ""
    return f'<figure>{caption}\n<div class="panels">{panels}</div>{listed}{numbers}</figure>'


def escaped(text: str) -> str:
    """Text that HTML shows as it is; an expression may break after a plus."""
    return "<wbr>".join(map(escape, breakable(visible(text))))


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _made(made: Made | None) -> str:
    if made is None:
        return ""
    day = date.fromisoformat(made.date)
    return (
        f'<p class="made"><time datetime="{day.isoformat()}">{day.day} {day:%B %Y}</time>'
        f" · <code>{escaped(made.command)}</code></p>"
    )


def _contents(sections: Sequence[Section]) -> str:
    items = "".join(f'<li><a href="#{escape(section.id)}">{escaped(section.title)}</a></li>' for section in sections)
    return f'<nav aria-label="Contents"><h2>Contents</h2><ol>{items}</ol></nav>'


def _section(section: Section, *, leads: bool = False) -> str:
    kinds = [type(block) for block in section.blocks]
    beside = (Table, Figure) in pairwise(kinds) and kinds.count(Figure) == 1 and kinds.count(Table) == 1
    pair = " pair" if beside else ""
    head = f'<h2 id="{escape(section.id)}">{escaped(section.title)}</h2>' if section.title else ""
    blocks = [part for block in section.blocks for part in _block(block, section.title, fold=not leads)]
    return "\n".join([f'<section class="first{pair}">' if leads else "<section>", head, *blocks, "</section>"])


def _block(block: Block, label: str, *, fold: bool) -> Iterator[str]:
    if isinstance(block, Figure):
        yield figure(block.title, block.chart, block.data)
    elif isinstance(block, Notes) and block.lead:
        yield from (f'<p class="lead">{escaped(line)}</p>' for line in block.lines)
    elif isinstance(block, Notes):
        kind = "ol" if block.numbered else "ul"
        yield f"<{kind}>{''.join(f'<li>{escaped(note)}</li>' for note in block.lines)}</{kind}>"
    else:
        yield from [f"<h3>{escaped(block.title)}</h3>"] if block.title else []
        shown = table(block, block.title or label)
        yield _folded(f"{len(block.rows)} rows", shown) if fold and len(block.rows) > MOST_ROWS else shown


def _folded(summary: str, content: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f"<details{named}><summary>{escaped(summary)}</summary>{content}</details>"


def _legend_item(chart: Chart, name: str) -> str:
    return (
        f'<li><svg class="chart" viewBox="0 0 26 12" aria-hidden="true">{svg.swatch(chart, name)}</svg>'
        f"{escaped(name)}</li>"
    )


def _kind(table: Table, column: int) -> str:
    return ' class="words"' if table.holds_words(column) else ""


def _row(table: Table, row: int) -> str:
    return f"<tr>{''.join(_cell(table, row, column, cell) for column, cell in enumerate(table.rows[row]))}</tr>\n"


def _cell(table: Table, row: int, column: int, cell: str) -> str:
    rank = table.ranks.get((row, column))
    text = escaped(cell) if table.holds_words(column) else escape(visible(cell))
    if column == 0:
        return f'<th scope="row" class="words">{text}</th>'
    if rank is None:
        short = table.holds_words(column) and len(cell) <= SHORT
        kind = ' class="words short"' if short else _kind(table, column)
        return f"<td{kind}>{text}</td>"
    kind = ' class="best"' if rank == 1 else ""
    return f'<td{kind}>{text}<span class="tier" title="tier {rank}">{rank}</span></td>'
