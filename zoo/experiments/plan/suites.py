"""Suites of tasks by name, as far as their files are there."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.tasks.task import Task

log = logging.getLogger("zoo")


def without_suites(tasks: Mapping[str, Task], names: Iterable[str], folder: Path | None) -> list[str]:
    """The names of tasks, with the tasks of a suite whose files are in the folder in place of the suite's name.

    What a suite lacks is logged. Raises ZooError if it lacks everything. A name of neither is kept.
    """
    return list(dict.fromkeys(task for name in names for task in _named(tasks, name, folder)))


def _named(tasks: Mapping[str, Task], name: str, folder: Path | None) -> Iterator[str]:
    suite = [task for task in tasks.values() if task.suite == name]
    if name in tasks or not suite:
        yield name
        return
    absent = {task.name: why for task in suite if (why := task.absence(folder))}
    found = [task for task in suite if task.name not in absent]
    lacking = {task.name for task in found if task.trained_on and task.trained_on not in {t.name for t in found}}
    if len(absent) == len(suite):
        raise ZooError(f"no task of the suite {name} is there: {next(iter(absent.values()))}")
    yield from sorted(
        (task.name for task in found if task.name not in lacking), key=lambda name: bool(tasks[name].trained_on)
    )
    _log(name, [*absent, *sorted(lacking)], folder)


def _log(suite: str, missing: Sequence[str], folder: Path | None) -> None:
    if missing:
        log.warning(
            f"{suite}: left out {', '.join(missing)}, as {folder} lacks their files; an average is not {suite}'s"
        )
