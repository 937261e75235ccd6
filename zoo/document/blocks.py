"""What a document is made of; every format renders the same records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from pydantic import JsonValue

from zoo.core.errors import UnknownName
from zoo.core.made import Made

if TYPE_CHECKING:
    from zoo.document.charts import Chart

MISSING = "-"

_JOINTS = re.compile(r"(?<=[^\s+]\+)(?=[A-Za-z])")


@dataclass(frozen=True)
class Table:
    """Rows of text under named columns.

    The first column and those in `words` hold words, the others numbers. `ranks` holds the tier of a cell, from 1, by
    its row and column; a line is drawn above the rows in `rules`.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    words: Set[str] = frozenset()
    ranks: Mapping[tuple[int, int], int] = field(default_factory=dict)
    rules: Set[int] = frozenset()

    def holds_words(self, column: int) -> bool:
        """Whether a column is one of words, which may be wrapped."""
        return column == 0 or self.columns[column] in self.words

    @property
    def by_label(self) -> dict[str, tuple[str, ...]]:
        """The rest of each row by its first cell."""
        return {row[0]: row[1:] for row in self.rows}


@dataclass(frozen=True)
class Figure:
    """A chart; `data` holds what it shows for formats without pictures, None if a table of its section does."""

    title: str
    chart: Chart
    data: Table | None = None


@dataclass(frozen=True)
class Notes:
    """Sentences, as a list; numbered where they are steps, and paragraphs in large letters where they lead a page."""

    lines: tuple[str, ...]
    numbered: bool = False
    lead: bool = False


Block: TypeAlias = Table | Figure | Notes


@dataclass(frozen=True)
class Section:
    """A part of a document; `brief` ones are printed at the end of a command."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    brief: bool = False

    @property
    def tables(self) -> list[Table]:
        """All tables, those behind figures among them."""
        found = [block.data if isinstance(block, Figure) else block for block in self.blocks]
        return [table for table in found if isinstance(table, Table)]

    @property
    def notes(self) -> list[str]:
        """All sentences."""
        return [line for block in self.blocks if isinstance(block, Notes) for line in block.lines]


@dataclass(frozen=True)
class Document:
    """A title and sections, the most important first.

    `data` makes what the JSON holds beside the sections; `files` are texts by name that a page carries with it; `made`
    says when, as a date, and by which command. Of `names` of systems, long ones are abbreviated where people read.
    """

    title: str
    sections: tuple[Section, ...]
    data: Callable[[], Mapping[str, JsonValue]] = dict
    files: Mapping[str, str] = field(default_factory=dict)
    made: Made | None = None
    names: tuple[str, ...] = ()

    @property
    def answer(self) -> tuple[str, ...]:
        """The sentences that lead it."""
        blocks = (block for section in self.sections for block in section.blocks)
        return tuple(line for block in blocks if isinstance(block, Notes) and block.lead for line in block.lines)

    @property
    def brief(self) -> Document:
        """The document with its brief sections only."""
        return replace(self, sections=tuple(section for section in self.sections if section.brief))

    def only(self, ids: Sequence[str]) -> Document:
        """The document with the sections of these ids. Raises UnknownName if there is none."""
        known = {section.id: section for section in self.sections}
        for name in ids:
            if name not in known:
                raise UnknownName("section of this report", name, known)
        return replace(self, sections=tuple(known[name] for name in ids))


def breakable(text: str) -> list[str]:
    """A text in parts between which a line may break beside white space: an expression after each plus."""
    return _JOINTS.split(text)
