"""The tasks that come with the zoo."""

from __future__ import annotations

from zoo.tasks import glue, hans, starter

TASKS = [*glue.TASKS, hans.HANS, *starter.TASKS, starter.ROLES]
