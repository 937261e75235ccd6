"""Objects by the name of their module, imported when they are first needed."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any


def imported(path: Any) -> Any:
    """The object that "module:Name" means; anything but a text is that object already."""
    if not isinstance(path, str):
        return path
    return resolve_name(path)
