"""Which code makes the statistics: two versions of it may find different numbers in the same scores."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


@cache
def statistics_hash() -> str:
    """A SHA-256 of the sources in this folder."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(f"{path.name}\n".encode() + path.read_bytes())
    return total.hexdigest()
