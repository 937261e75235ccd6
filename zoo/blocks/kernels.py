"""Which kernels a stretch of work has taken, noted by the blocks that choose among several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_taken: ContextVar[set[str] | None] = ContextVar("kernels taken", default=None)


@contextmanager
def kernels_taken() -> Iterator[set[str]]:
    """Inside, collect the names of the kernels that are taken."""
    names: set[str] = set()
    token = _taken.set(names)
    try:
        yield names
    finally:
        _taken.reset(token)


def note_kernel(name: str) -> None:
    """Say that a kernel is taken, as `sdpa` or `varlen`."""
    names = _taken.get()
    if names is not None:
        names.add(name)
