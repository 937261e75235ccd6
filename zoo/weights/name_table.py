"""Names of weights in two columns: one template per row, usable in either direction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

NameRule: TypeAlias = tuple[str, str]
"""A template in the checkpoint's names and in the zoo's. {p} is weight or bias, any other placeholder a number."""

_PLACEHOLDER = re.compile(r"\{([a-z])\}")


class NameTable:
    """Rows that map the names of one column to those of the other, one to one."""

    def __init__(self, rows: Sequence[NameRule]) -> None:
        self.rows = tuple(rows)
        for pair in self.rows:
            left, right = (sorted(_PLACEHOLDER.findall(template)) for template in pair)
            if left != right or len(set(left)) < len(left):
                raise ValueError(f"{pair} should have the same placeholders, each once")

    @cached_property
    def _patterns(self) -> tuple[list[re.Pattern[str]], list[re.Pattern[str]]]:
        return [_pattern(theirs) for theirs, _ in self.rows], [_pattern(ours) for _, ours in self.rows]

    def ours(self, name: str) -> str | None:
        """Our name of a weight that the checkpoint calls `name`; None if no row fits."""
        return self._translate(name, 0)

    def theirs(self, name: str) -> str | None:
        """The checkpoint's name of a weight that we call `name`; None if no row fits."""
        return self._translate(name, 1)

    def _translate(self, name: str, column: int) -> str | None:
        for row, pattern in zip(self.rows, self._patterns[column], strict=True):
            found = pattern.fullmatch(name)
            if found:
                return row[1 - column].format(**found.groupdict())
        return None


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(template)
    for index in range(1, len(parts), 2):
        values = "weight|bias" if parts[index] == "p" else "0|[1-9][0-9]{0,5}"
        parts[index] = f"(?P<{parts[index]}>{values})"
    parts[::2] = map(re.escape, parts[::2])
    return re.compile("".join(parts))
