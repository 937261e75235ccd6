"""Words that may stand for one another, from a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.core.files import read_regular

LARGEST = 200_000_000
"""The most bytes of such a file."""

_INSIDE = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)
"""A word between its punctuation."""


class Synonyms:
    """Words that may stand for one another: a line of the file each, white space between them, in UTF-8.

    Case and the punctuation around a word in a text do not matter, and both stay as they were. Raises ZooError, with
    the line, if the file is missing or malformed.
    """

    def __init__(self, path: Path) -> None:
        content = read_regular(path, LARGEST)
        self.content_hash = hashlib.sha256(content).hexdigest()
        try:
            lines = content.decode("utf-8").splitlines()
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise ZooError(f"{path}:{line}: it is not UTF-8; save it as that") from None
        self._others: Mapping[str, Sequence[str]] = _others(path, lines)

    def of(self, word: str) -> list[str]:
        """What may stand in a word's place, with its punctuation and its capital; nothing if it is not in the file."""
        before, inside, after = _INSIDE.fullmatch(word).groups()  # type: ignore[union-attr]
        found = self._others.get(inside.casefold(), ())
        return [before + (one[:1].upper() + one[1:] if inside[:1].isupper() else one) + after for one in found]


def _others(path: Path, lines: Sequence[str]) -> dict[str, list[str]]:
    others: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        words = {word.casefold(): word for word in line.split()}
        if len(words) == 1:
            raise ZooError(
                f"{path}:{number}: {line.strip()!r:.60} is one word; put words that may replace it beside it"
            )
        for word in words:
            known = others.setdefault(word, [])
            known += [spelled for other, spelled in words.items() if other != word and spelled not in known]
    if not others:
        raise ZooError(f"{path}: holds no words")
    return others
