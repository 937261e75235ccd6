"""What comes with the zoo itself, offered as any plugin offers its own."""

from __future__ import annotations

from zoo.registry.offers import Offers, hookimpl

EXECUTORS = {
    "local": "zoo.experiments.runner.executors:local",
    "ray": "zoo.experiments.runner.ray_cluster:ray_cluster",
}
"""What can carry out jobs without any plugin."""


@hookimpl
def zoo_offers() -> Offers:
    """GLUE, read from files, the starter suite, made on the spot, and what carries out jobs."""
    return Offers(
        api_version=1,
        tasks="zoo.tasks.offered:TASKS",
        executors=EXECUTORS,
    )
