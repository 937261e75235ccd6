"""What comes with the zoo itself, offered as any plugin offers its own."""

from __future__ import annotations

from zoo.registry.offers import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """GLUE, read from files, and the starter suite, made on the spot."""
    return Offers(api_version=1, tasks="zoo.tasks.offered:TASKS")
