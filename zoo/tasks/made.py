"""Data that are made, not read: once, in the process that plans a run; its workers get them from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zoo.tasks.task import Dataset, Task

_made: dict[str, Dataset] = {}
"""By the record of the task."""


def made_once(task: Task, make: Callable[[], Dataset]) -> Dataset:
    """The data of a task, which are made only if this process has not got them."""
    key = task.model_dump_json()
    if key not in _made:
        _made[key] = make()
    return _made[key]


def made_here() -> dict[str, Dataset]:
    """All that this process has made, for its workers to `take`."""
    return dict(_made)


def take(made: Mapping[str, Dataset]) -> None:
    """Use what another process has made."""
    _made.update(made)
