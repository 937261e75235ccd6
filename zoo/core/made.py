"""When and how something was made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Made:
    """When something was made, as 2026-11-27, and the command that made it."""

    date: str
    command: str
