"""Names of weights in two columns: one template per row, usable in either direction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TypeAlias

NameRule: TypeAlias = tuple[str, str]
"""A template in the checkpoint's names and in the zoo's. {p} is weight or bias, any other placeholder a number.

A tensor that a checkpoint stores for several of ours has alternatives on our side, as in "{i}.(query|key|value).{p}":
it holds ours one after another along the first dimension, in this order.
"""

_PLACEHOLDER = re.compile(r"\{([a-z])\}")
_ALTERNATIVES = re.compile(r"\(([^()]+)\)")


class NameTable:
    """Rows that map the names of one column to those of the other; each of our names has one of the checkpoint's."""

    def __init__(self, rows: Sequence[NameRule]) -> None:
        self.rows = tuple(rows)
        for pair in self.rows:
            left, right = (sorted(_PLACEHOLDER.findall(template)) for template in pair)
            if left != right or len(set(left)) < len(left):
                raise ValueError(f"{pair} should have the same placeholders, each once")

    @cached_property
    def _by_theirs(self) -> list[tuple[re.Pattern[str], tuple[str, ...]]]:
        return [(_pattern(theirs), _alternatives(ours)) for theirs, ours in self.rows]

    @cached_property
    def _by_ours(self) -> list[tuple[re.Pattern[str], str]]:
        return [(_pattern(each), theirs) for theirs, ours in self.rows for each in _alternatives(ours)]

    def ours(self, name: str) -> tuple[str, ...]:
        """Our names of the weights that the checkpoint calls `name`, several if it joins them; none if no row fits."""
        for pattern, templates in self._by_theirs:
            if found := pattern.fullmatch(name):
                return tuple(template.format(**found.groupdict()) for template in templates)
        return ()

    def theirs(self, name: str) -> str | None:
        """The checkpoint's name of a weight that we call `name`; None if no row fits."""
        for pattern, template in self._by_ours:
            if found := pattern.fullmatch(name):
                return template.format(**found.groupdict())
        return None

    def joined(self, ours: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The checkpoint's names of our weights, each with those of ours that it holds; ours if no row fits."""
        named = dict.fromkeys(self.theirs(name) or name for name in ours)
        return {theirs: self.ours(theirs) or (theirs,) for theirs in named}


def _alternatives(template: str) -> tuple[str, ...]:
    found = _ALTERNATIVES.search(template)
    if not found:
        return (template,)
    before, after = template[: found.start()], template[found.end() :]
    return tuple(before + each + after for each in found[1].split("|"))


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(template)
    for index in range(1, len(parts), 2):
        values = "weight|bias" if parts[index] == "p" else "0|[1-9][0-9]{0,5}"
        parts[index] = f"(?P<{parts[index]}>{values})"
    parts[::2] = map(re.escape, parts[::2])
    return re.compile("".join(parts))
