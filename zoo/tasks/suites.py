"""The averages over suites of tasks that reports know: the zoo's own, and those of plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.core.lazy import imported
from zoo.tasks.averages import Average

_BUILT_IN = ("zoo.tasks.glue:AVERAGES", "zoo.tasks.superglue:AVERAGES")

_OFFERED: dict[str, Average] = {}
"""Those of plugins: reports are made where there is no catalog."""


def add_averages(averages: Mapping[str, Any]) -> None:
    """Make the averages of plugins known in this process, as a catalog does when it is made."""
    _OFFERED.update(averages)


def averages() -> Iterator[Average]:
    """All that are known, the zoo's own first."""
    yield from (average for path in _BUILT_IN for average in imported(path))
    yield from _OFFERED.values()
