"""The tasks that come with the zoo."""

from __future__ import annotations

from zoo.tasks import glue, hans, ner, starter

TASKS = [*glue.TASKS, hans.HANS, *ner.TASKS, *starter.TASKS, starter.ROLES]
