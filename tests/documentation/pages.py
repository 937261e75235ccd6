"""What the pages of the project say: their commands with the output that they show, and their Python examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PLUGIN_PAGES = sorted((ROOT / "plugins").glob("*/README.md"))
"""Their commands need models and texts that are not at hand, so they are parsed and not run."""

PROGRAMS = ("zoo", "python", "pip", "pytest", "torchrun", "ruff", "mypy", "git", ".ci/run")
"""What the first word of a command is, where a block may hold something else too."""

NO_COMMANDS = ("python", "pycon", "toml", "json")
"""Languages of blocks without commands."""


@dataclass(frozen=True)
class Command:
    """A line as a reader types it, and the lines that the page shows as its output."""

    line: str
    shown: tuple[str, ...] = ()


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The fenced and the indented blocks of a page, each with its language ("indented" for those without a fence)."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
    text = page.read_text()
    yield from fence.findall(text)
    for block in re.findall(r"(?<=\n\n)(?: {4}.*\n)+", fence.sub("", text)):
        yield "indented", re.sub(r"^ {4}", "", block, flags=re.MULTILINE)


def commands(page: Path) -> list[Command]:
    """The commands of all blocks, in the order of the page; "A && B" is two."""
    return [
        Command(line, command.shown)
        for language, block in blocks(page)
        if language not in NO_COMMANDS
        for command in _commands(block, everything=language == "sh")
        for line in command.line.split(" && ")
    ]


def _commands(block: str, everything: bool) -> Iterator[Command]:
    """Those of a block: each line of a block of shell; elsewhere what follows a prompt or begins with a program."""
    lines = re.sub(r"\s*\\\n\s*", " ", block).splitlines()
    if any(line.startswith("$ ") for line in lines):
        for typed, *shown in (
            part.splitlines() for part in re.split(r"^\$ ", "\n".join(lines), flags=re.MULTILINE)[1:]
        ):
            yield Command(typed, tuple(shown))
        return
    for line in lines:
        if line and not line.startswith("#") and (everything or line.split()[0] in PROGRAMS):
            yield Command(line)


def examples(page: Path) -> list[str]:
    """The blocks of Python that are whole programs or plugins."""
    return [block for language, block in blocks(page) if language == "python"]


def mentioned(page: Path) -> list[str]:
    """The commands of the zoo that stand between backticks in the text."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [re.sub(r"\s+", " ", found) for found in re.findall(r"`(zoo [a-z][^`]*)`", prose)]
