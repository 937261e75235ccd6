"""The tasks that come with the zoo."""

from __future__ import annotations

from zoo.tasks import clue, glue, hans, ner, pair_tasks, squad, starter, superglue, swag

TASKS = [
    *glue.TASKS,
    hans.HANS,
    *superglue.TASKS,
    swag.SWAG,
    *clue.TASKS,
    *ner.TASKS,
    *squad.TASKS,
    *starter.TASKS,
    starter.SIMILARITY,
    starter.ROLES,
    *pair_tasks.TASKS,
]
