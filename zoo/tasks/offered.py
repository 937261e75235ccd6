"""The tasks that come with the zoo."""

from __future__ import annotations

from zoo.tasks import glue, ner, starter

TASKS = [*glue.TASKS, *ner.TASKS, *starter.TASKS, starter.ROLES]
