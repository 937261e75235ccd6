"""Objects named by their module, imported on first use."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any


def imported(path: Any) -> Any:
    """The object that "module:Name" means; anything but a string is returned as it is."""
    if not isinstance(path, str):
        return path
    return resolve_name(path)
