"""What comes with the zoo itself, offered as any plugin offers its own."""

from __future__ import annotations

from zoo.document.formats import FORMATS
from zoo.registry.offers import Offers, hookimpl
from zoo.tasks.kinds import BUILT_IN

EXECUTORS = {
    "local": "zoo.experiments.runner.executors:local",
    "ray": "zoo.experiments.runner.ray_cluster:ray_cluster",
}
"""What can carry out jobs without any plugin."""


@hookimpl
def zoo_offers() -> Offers:
    """Kinds of task, tasks (GLUE and the starter suite), formats of reports, and what carries out jobs."""
    return Offers(
        api_version=1,
        tasks="zoo.tasks.offered:TASKS",
        task_kinds=BUILT_IN,
        report_formats=FORMATS,
        executors=EXECUTORS,
    )
