"""The tasks that come with the zoo."""

from __future__ import annotations

from zoo.tasks import glue, ner, squad, starter

TASKS = [*glue.TASKS, *ner.TASKS, *squad.TASKS, *starter.TASKS, starter.ROLES]
