"""Which kernels there are, and which run, noted by the blocks that choose among several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from threading import get_ident
from types import ModuleType
from typing import Any, TypeVar

from torch import nn

_taken: ContextVar[set[str] | None] = ContextVar("kernels taken", default=None)


Traced = TypeVar("Traced", bound=Callable[..., object])

ONCE_TRACED: list[Callable[..., object]] = []
"""What compiled code takes as constant; to mark it for torch at once would import the compiler."""


def once_traced(function: Traced) -> Traced:
    """A function that is called when a layer is compiled, not each time that the layer is."""
    ONCE_TRACED.append(function)
    return function


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


@once_traced
def note_kernel(name: str) -> None:
    """Note that a kernel is used, as `varlen`."""
    names = _taken.get()
    if names is not None:
        names.add(name)


def put_in_thread(stack: ExitStack, module: nn.Module, name: str, function: Callable[..., object]) -> None:
    """Let a method of a module be another function in this thread, as long as the stack is open; in others it stays
    what it is: they may compute in another precision, or with gradients.
    """
    if name in module.__dict__:
        return
    owner, own = get_ident(), getattr(type(module), name)

    def chosen(*given: Any) -> object:
        return function(*given) if get_ident() == owner else own(module, *given)

    setattr(module, name, chosen)
    stack.callback(module.__dict__.pop, name, None)


@cache
def own_kernels() -> ModuleType | None:
    """Our kernels for GPUs; None where torch came without Triton."""
    try:
        from zoo.blocks import triton_kernels
    except ImportError:
        return None
    return triton_kernels
