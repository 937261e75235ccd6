"""Parameters counted four ways: by formula, on the module, in the checkpoint's header, and as published.

`stored` and `executed` need torch, and are imported when first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.auditing.module import executed, stored

__all__ = ["executed", "stored"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("zoo.auditing.module"), name)
    raise AttributeError(f"module 'zoo.auditing' has no attribute {name!r}")
