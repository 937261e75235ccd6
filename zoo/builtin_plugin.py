"""The tasks that come with the zoo, offered as any plugin offers its own."""

from __future__ import annotations

from zoo.registry.hooks import hookimpl
from zoo.tasks.task import Task


@hookimpl
def zoo_tasks() -> list[Task]:
    """GLUE, read from files, and the starter suite, made on the spot."""
    from zoo.tasks import glue, starter

    return [*glue.TASKS, *starter.TASKS]
