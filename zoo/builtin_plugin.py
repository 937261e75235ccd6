"""What comes with the zoo itself, offered as any plugin offers its own."""

from __future__ import annotations

from zoo.document.formats import FORMATS
from zoo.registry.offers import Offers, hookimpl
from zoo.tasks.kinds import BUILT_IN


@hookimpl
def zoo_offers() -> Offers:
    """Kinds of task, tasks (GLUE, read from files, and the starter suite, made on the spot), and formats of reports."""
    return Offers(api_version=1, tasks="zoo.tasks.offered:TASKS", task_kinds=BUILT_IN, report_formats=FORMATS)
