"""What comes with the zoo itself, offered as any plugin offers its own."""

from __future__ import annotations

from zoo.document.formats import FORMATS
from zoo.registry.offers import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """GLUE, read from files, the starter suite, made on the spot, and the formats of reports."""
    return Offers(api_version=1, tasks="zoo.tasks.offered:TASKS", report_formats=FORMATS)
