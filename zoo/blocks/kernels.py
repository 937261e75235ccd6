"""Which kernels run, noted by the blocks that choose among several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_taken: ContextVar[set[str] | None] = ContextVar("kernels taken", default=None)


@contextmanager
def kernels_taken() -> Iterator[set[str]]:
    """Inside, collect the names of the kernels used; they count for an enclosing block too."""
    names: set[str] = set()
    around = _taken.get()
    token = _taken.set(names)
    try:
        yield names
    finally:
        _taken.reset(token)
        if around is not None:
            around |= names


def note_kernel(name: str) -> None:
    """Note that a kernel is used, as `varlen`."""
    names = _taken.get()
    if names is not None:
        names.add(name)
