"""What a shell offers after TAB: names from the installed plugins, without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from zoo.document.formats import FORMATS
from zoo.registry.catalog import Catalog
from zoo.registry.offers import KINDS

UNNAMED = "published_count"
"""The kind that is not completed."""

Completion = Callable[[str], list[str]]


def _completing(names: Callable[[Catalog], Iterable[str]]) -> Completion:
    """Offers names that start like the last one typed; names may be separated by commas."""

    def offered(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names(Catalog.installed()) if name.startswith(last)]

    return offered


COMPLETIONS: Mapping[str, Completion] = {
    "variants": _completing(lambda catalog: catalog.variants),
    "tasks": _completing(lambda catalog: catalog.tasks),
    "grids": _completing(lambda catalog: catalog.search_grids),
    "named": _completing(lambda catalog: chain(*(catalog.offered[kind] for kind in KINDS if kind != UNNAMED))),
    "kinds": _completing(lambda catalog: [*(f"{kind.replace('_', '-')}s" for kind in KINDS), "parts", "sizes", "all"]),
    "plugins": _completing(lambda catalog: [plugin.name for plugin in catalog.plugins]),
    "formats": _completing(lambda catalog: dict.fromkeys([*FORMATS, *catalog.offered["report_format"]])),
    "executors": _completing(lambda catalog: catalog.offered["executor"]),
    "presets": _completing(lambda catalog: catalog.paper_tables),
}
"""By what `Help.completes` names."""
