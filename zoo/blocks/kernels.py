"""Which kernels there are, and which run, noted by the blocks that choose among several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import ModuleType

import torch

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


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # noted when a layer is compiled
def note_kernel(name: str) -> None:
    """Note that a kernel is used, as `varlen`."""
    names = _taken.get()
    if names is not None:
        names.add(name)


@cache
def own_kernels() -> ModuleType | None:
    """Our kernels for GPUs; None where torch came without Triton."""
    try:
        from zoo.blocks import triton_kernels
    except ImportError:
        return None
    return triton_kernels
