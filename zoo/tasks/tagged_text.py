"""Texts in the layout of the CoNLL shared tasks: a word and its tag a line, a blank line between texts.

Tjong Kim Sang and De Meulder 2003, section 2.2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.tasks.files import SplitFile
from zoo.tasks.tagging import TAG
from zoo.text.lines import read_lines

DOCUMENT = "-DOCSTART-"
"""The word of a line that begins a document, and is no text."""

MOST_COLUMNS = 4


class ConllFile(SplitFile):
    """One split's file; tabs or spaces divide its columns. With one column, it has words without tags."""

    word_column: int = 0
    tag_column: int = -1
    """Counted from 0; from the last, -1."""
    skip_malformed: bool = False
    """Leave out lines with another number of columns than the first, and say how many; else they are errors."""


@dataclass
class TaggedText:
    """The words of a text, the tag of each if they are given, and the lines of the file where they are."""

    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def read_tagged_texts(path: Path, file: ConllFile, seen: Counter[str] | None = None) -> Iterator[TaggedText]:
    """The texts of a file; what is skipped is counted in `seen`. Raises ZooError with file and line.

    A line before a text's first word that begins with # and has not the columns of a word is a comment.
    """
    divided, width, text = _divider(path), 0, TaggedText()
    for number, line in read_lines(path):
        cells = divided(line)
        if not line.strip() or cells[0] == DOCUMENT:
            if text.words:
                yield text
                text = TaggedText()
        elif not text.words and _is_comment(cells, width):
            continue
        elif (width and len(cells) != width) or (width == 1 and not cells[0]):
            if not file.skip_malformed:
                raise ZooError(f"{path}:{number}: has {len(cells)} columns, and the lines before have {width}")
            if seen is not None:
                seen[f"left out {{n}} lines that do not have {width} columns"] += 1
        else:
            width = width or _checked_width(cells, file, f"{path}:{number}")
            _add(text, cells, file, f"{path}:{number}")
            text.lines.append(number)
    if text.words:
        yield text


def _add(text: TaggedText, cells: Sequence[str], file: ConllFile, where: str) -> None:
    word = cells[file.word_column]
    if not word:
        raise ZooError(f"{where}: has no word in column {file.word_column + 1}")
    text.words.append(word)
    if len(cells) > 1:
        text.tags.append(cells[file.tag_column])


def _divider(path: Path) -> Callable[[str], list[str]]:
    """What divides the lines of a file: tabs if the first line of text has one, else spaces."""
    for _, line in read_lines(path):
        if line.strip() and not line.startswith(("#", DOCUMENT)):
            if "\t" in line:
                return lambda line: [cell.strip(" ") for cell in line.split("\t")]
            break
    return lambda line: re.split(" +", line.strip(" "))


def _is_comment(cells: Sequence[str], width: int) -> bool:
    if not cells[0].startswith("#"):
        return False
    return len(cells) != width if width else not TAG.fullmatch(cells[-1])


def _checked_width(cells: Sequence[str], file: ConllFile, where: str) -> int:
    """The number of columns of a file by its first line. Raises ZooError if words and tags cannot be among them."""
    n = len(cells)
    if n > MOST_COLUMNS:
        raise ZooError(f"{where}: has {n} columns; a word, its tag and at most two others between them are read")
    if n > 1 and not (-n <= file.tag_column < n and file.word_column < n):
        raise ZooError(f"{where}: has {n} columns, and the tag should be in column {file.tag_column + 1}")
    return n
