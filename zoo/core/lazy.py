"""Objects by the name of their module, imported when they are first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def imported(path: Any) -> Any:
    """The object that "module:Name" means; anything but a text is that object already."""
    if not isinstance(path, str):
        return path
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
