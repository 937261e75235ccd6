"""Suites of tasks by name, as far as their files are there."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from zoo.core.errors import ZooError
from zoo.tasks.task import Task

T = TypeVar("T")

log = logging.getLogger("zoo")


def without_suites(tasks: Mapping[str, Task], asked: Iterable[str | T], folder: Path | None) -> list[str | T]:
    """What is asked for, with the tasks of a suite whose files are in the folder in place of the suite's name.

    What a suite lacks is logged. Raises ZooError if it lacks everything. A name of neither task nor suite is kept.
    """
    found: list[str | T] = []
    for item in asked:
        if isinstance(item, str) and item not in tasks and (suite := [t for t in tasks.values() if t.suite == item]):
            found += [name for name in _there(item, suite, folder) if name not in found]
        else:
            found.append(item)
    return found


def _there(name: str, suite: Sequence[Task], folder: Path | None) -> list[str]:
    """The tasks of a suite whose files are there, those last that models of another answer."""
    absent = {task.name: why for task in suite if (why := task.absence(folder))}
    if len(absent) == len(suite):
        raise ZooError(f"no task of the suite {name} is there: {next(iter(absent.values()))}")
    absent |= {task.name: f"it needs {task.trained_on}" for task in suite if task.trained_on in absent}
    if absent:
        log.warning(
            f"{name}: left out {', '.join(absent)}, as {folder} lacks their files; an average is not that of {name}"
        )
    found = [task for task in suite if task.name not in absent]
    return [task.name for task in sorted(found, key=lambda task: bool(task.trained_on))]
