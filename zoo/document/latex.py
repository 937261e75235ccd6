"""A document in LaTeX, to be read in by a paper (packages array, booktabs, graphicx and longtable)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from zoo.core.errors import visible
from zoo.document.abbreviated import abbreviated
from zoo.document.blocks import Block, Document, Figure, Notes, Table, breakable

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "†": r"\textdagger{}",
    "→": r"$\rightarrow$",
    "·": r"$\cdot$",
    "²": r"$^2$",
    "…": r"\ldots{}",
    **{char: f"\\{char}" for char in "{}$&#%_"},
}

MOST_ROWS = 40
"""A longer table runs over pages."""

MINUS = re.compile(r"(?<![\w.])-(?=\d)")
"""The sign of a number, which in LaTeX's text is a hyphen."""

FITTING = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
"""A box that is made smaller where it is wider than the text."""


def render(document: Document) -> str:
    """A section for each of the document's; tiers are superscripts, the first in bold."""
    document = abbreviated(document)
    lines = [
        r"% needs \usepackage[T1]{fontenc}, \usepackage{array,booktabs,graphicx,longtable}",
        f"% {escaped(document.title)}",
        *([f"% {document.made.date}: {escaped(document.made.command)}"] if document.made else []),
    ]
    for section in document.sections:
        lines += ["", rf"\subsection*{{{escaped(section.title)}}}", rf"\label{{sec:{_label(section.id)}}}"]
        for block in section.blocks:
            lines += _block(block)
    return "\n".join([*lines, ""])


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; an expression may break after a plus."""
    parts = ("".join(SPECIAL.get(char, char) for char in part) for part in breakable(visible(text)))
    return r"\allowbreak{}".join(parts)


def _label(text: str) -> str:
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in text)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Notes) and block.lead:
        yield from ("", "\n\n".join(map(escaped, block.lines)))
        return
    if isinstance(block, Notes):
        kind = "enumerate" if block.numbered else "itemize"
        items = [rf"\item {escaped(note)}" for note in block.lines]
        yield from (rf"\begin{{{kind}}}\raggedright", *items, rf"\end{{{kind}}}") if items else ()
        return
    table = block.data if isinstance(block, Figure) else block
    if table and table.rows:
        yield from ("", rf"\paragraph{{{escaped(block.title)}}}") if block.title else ()
        yield from _long(table) if len(table.rows) > MOST_ROWS else _boxed(table)


def _boxed(table: Table) -> Iterator[str]:
    yield from (r"\begin{center}", FITTING, *_tabular(table, "tabular"), "}", r"\end{center}")


def _long(table: Table) -> Iterator[str]:
    yield from (r"{\scriptsize\setlength{\tabcolsep}{2pt}", *_tabular(table, "longtable"), "}")


def _tabular(table: Table, kind: str) -> Iterator[str]:
    widest = (24, 3.5) if kind == "longtable" else (40, 7)
    yield rf"\begin{{{kind}}}{{{''.join(_alignment(longest, *widest) for longest in _words(table))}}}"
    yield from (r"\toprule", " & ".join(map(escaped, table.columns)) + r" \\", r"\midrule")
    yield from [r"\endhead"] if kind == "longtable" else []
    for number, row in enumerate(table.rows):
        yield from [r"\midrule"] if number in table.rules and number else []
        yield " & ".join(_cell(table, number, column, cell) for column, cell in enumerate(row)) + r" \\"
    yield from (r"\bottomrule", rf"\end{{{kind}}}")


def _words(table: Table) -> list[int]:
    """By column, the characters of its longest cell where it holds words; 0 where it holds numbers."""
    return [
        max(len(row[column]) for row in table.rows) if table.holds_words(column) else 0
        for column in range(len(table.columns))
    ]


def _alignment(longest: int, most: int, width: float) -> str:
    """Words of more characters than `most` are wrapped, at a width in centimetres."""
    if longest > most:
        return rf">{{\raggedright\arraybackslash}}p{{{width:g}cm}}"
    return "l" if longest else "r"


def _cell(table: Table, row: int, column: int, cell: str) -> str:
    rank, shown = table.ranks.get((row, column)), escaped(cell)
    if not table.holds_words(column):
        shown = MINUS.sub("$-$", shown)
    if rank is None:
        return shown
    shown = rf"\textbf{{{shown}}}" if rank == 1 else shown
    return rf"{shown}\textsuperscript{{{rank}}}"
