"""Costs of short jobs that were measured on this machine, kept in the user's cache for a day."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.core.files import make_folder, write_text
from zoo.core.specs import Record, read_record
from zoo.core.user_cache import cache_folder

LONGEST = 24 * 3600
"""Seconds that a cost is kept: a machine changes."""

QUIET = 0.8
"""The least processor time per second of a job whose cost is kept: on a busy machine, seconds say little of others."""


class MeasuredCost(Record):
    """The cost of a job: fixed seconds, seconds for its text and for its steps; bytes on disk and in memory.

    `at` is when it was measured, in seconds since 1970, and `busy` the processor time per second then.
    """

    fixed: float
    text: float
    steps: float
    disk_bytes: int
    memory_bytes: int
    at: float
    busy: float

    def keep(self, key: str) -> None:
        """Write it for later dry runs, if it was measured on a quiet machine and the cache can be written."""
        if self.busy < QUIET:
            return
        with suppress(ZooError, OSError):
            make_folder(_path(key).parent)
            write_text(_path(key), self.model_dump_json())


def kept_cost(key: str) -> MeasuredCost | None:
    """The cost that was kept under a key, if it is readable and not too old."""
    with suppress(ZooError):
        found = read_record(MeasuredCost, _path(key), "a measured cost")
        if 0 <= time.time() - found.at < LONGEST:
            return found
    return None


def _path(key: str) -> Path:
    return cache_folder("costs") / f"{key}.json"
