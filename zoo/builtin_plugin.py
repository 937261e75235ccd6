"""The zoo's own offers, made as any plugin makes them."""

from __future__ import annotations

from zoo.document.formats import FORMATS
from zoo.registry.offers import Offers, hookimpl
from zoo.tasks.kinds import BUILT_IN

EXECUTORS = {
    "local": "zoo.experiments.runner.executors:local",
    "ray": "zoo.experiments.runner.ray_cluster:ray_cluster",
}
"""The executors that need no plugin."""


@hookimpl
def zoo_offers() -> Offers:
    """Task kinds, tasks (GLUE and the starter suite), report formats and executors."""
    return Offers(
        api_version=1,
        tasks="zoo.tasks.offered:TASKS",
        task_kinds=BUILT_IN,
        report_formats=FORMATS,
        executors=EXECUTORS,
    )
