"""Evaluation mode that several threads may be in at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

from torch import nn

_inside: WeakKeyDictionary[nn.Module, tuple[int, bool]] = WeakKeyDictionary()
"""How many are inside, and whether the module was training before the first of them."""

_lock = Lock()


@contextmanager
def evaluating(module: nn.Module) -> Iterator[bool]:
    """Inside, a module has no dropout; yields whether it was training. Who leaves last restores what was before.

    The mode is the module's, not a thread's: another thread that trains it meanwhile does so without dropout.
    """
    with _lock:
        n, training = _inside.get(module, (0, module.training))
        _inside[module] = n + 1, training
        if any(part.training for part in module.modules()):
            module.eval()
    try:
        yield training
    finally:
        with _lock:
            n, training = _inside.pop(module)
            if n > 1:
                _inside[module] = n - 1, training
            elif training:
                module.train()
