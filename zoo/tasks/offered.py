"""The tasks that come with the zoo."""

from __future__ import annotations

from zoo.tasks import glue, starter

TASKS = [*glue.TASKS, *starter.TASKS, starter.ROLES]
