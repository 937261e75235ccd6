"""Tables on a terminal, in Markdown and in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from zoo.auditing.tables import Table
from zoo.core.errors import ZooError, visible
from zoo.core.files import write_text

BEGIN, END = "<!-- zoo audit: begin -->", "<!-- zoo audit: end -->"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>zoo audit</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 90em; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: .25em .7em; border-bottom: 1px solid #ccc; text-align: right; }
th.word, td.word { text-align: left; }
.scroll { overflow-x: auto; }
svg { max-width: 100%; height: auto; }
</style>
<h1>Parameter audit</h1>
{{ chart }}
{% for table in tables %}
<h2>{{ table.title }}</h2>
<div class="scroll"><table>
<tr>{% for column in table.columns %}<th{% if loop.index0 < table.n_words %} class="word"{% endif %}>{{ column }}</th>
{%- endfor %}</tr>
{% for row in table.rows -%}
<tr>{% for cell in row %}<td{% if loop.index0 < table.n_words %} class="word"{% endif %}>{{ cell }}</td>
{%- endfor %}</tr>
{% endfor -%}
</table></div>
{% endfor %}
{% for note in notes %}<p>{{ note }}</p>
{% endfor %}</html>
"""


def print_tables(tables: Iterable[Table], notes: Iterable[str], console: Console) -> None:
    """Tables and notes on a terminal, names as they are, markup and all."""
    for table in tables:
        shown = RichTable(title=Text(table.title), title_justify="left", box=None, pad_edge=False)
        for index, column in enumerate(table.columns):
            words = index < table.n_words
            shown.add_column(Text(column), justify="left" if words else "right", no_wrap=index == 0, overflow="fold")
        for row in table.rows:
            shown.add_row(*(Text(visible(cell)) for cell in row))
        console.print(shown)
        console.print()
    for note in notes:
        console.print(Text(visible(note)))


def markdown(tables: Iterable[Table], notes: Iterable[str]) -> str:
    """Tables and notes as Markdown."""
    lines: list[str] = []
    for table in tables:
        rules = ["---" if index < table.n_words else "---:" for index in range(len(table.columns))]
        lines += [f"### {_escaped(table.title)}", "", _row(table.columns), "|" + "|".join(rules) + "|"]
        lines += [_row(row) for row in table.rows] + [""]
    lines += [f"- {_escaped(note)}" for note in notes]
    return "\n".join(lines).rstrip() + "\n"


def write_markdown(path: Path, text: str) -> None:
    """Write a page; of one that holds the marks of an audit, only what stands between them is replaced."""
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"cannot read {path}: {error}") from error
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    write_text(path, f"{before}{BEGIN}\n{text}{END}{after}" if begin and end else text)


def html(tables: Sequence[Table], notes: Iterable[str], chart: str) -> str:
    """Tables and notes as one page that needs nothing else; `chart` is SVG of our own making."""
    from jinja2 import Environment
    from markupsafe import Markup

    page = Environment(autoescape=True).from_string(PAGE)
    return page.render(tables=tables, notes=list(notes), chart=Markup(chart))


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in "\\`*_<>[]|#" else char for char in visible(text))
