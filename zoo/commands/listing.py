"""`zoo list` and `zoo plugins`: everything that has a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from typing import Annotated, Any, get_args

import typer
from pydantic import JsonValue

from zoo.commands.completion import COMPLETIONS, UNNAMED
from zoo.commands.console import AsJson, Strict, open_catalog, print_rows
from zoo.commands.options import takes
from zoo.core.errors import UnknownName, ZooError
from zoo.core.options import Amount, Help, Options
from zoo.registry.catalog import Catalog
from zoo.registry.offers import KINDS, PARTS
from zoo.registry.presets import Size, cpu_size

Row = dict[str, JsonValue]
FILTERS = "Filters"
LONG, FEW = 40, 3
"""A list of words of more characters is shown by so many of its words."""


class ListOptions(Options):
    """Which of the names are listed."""

    family: Annotated[
        str | None, Help("Show only what this plugin offers.", FILTERS, example="bert", completes="plugins")
    ] = None
    suite: Annotated[str | None, Help("Show only tasks of this suite.", FILTERS, example="glue")] = None
    max_parameters: Annotated[
        Amount | None, Help("Show only variants with at most this many parameters.", FILTERS, example="20M")
    ] = None


@takes(ListOptions)
def list_(
    what: Annotated[
        str,
        typer.Argument(
            help="What to list: variants, parts, one kind of part (such as encoders), tasks, task-kinds, metrics, "
            "checkpoint-formats, paper-tables, search-grids, report-formats, executors, published-counts, "
            "formulas, sizes, corpora, or all.",
            metavar="[WHAT]",
            autocompletion=COMPLETIONS["kinds"],
        ),
    ] = "variants",
    *,
    options: ListOptions,
    as_json: AsJson = False,
    strict: Strict = False,
) -> None:
    """List variants, parts, tasks, formats and everything else that has a name.

    Example: zoo list variants --family bert --max-parameters 20M

    Parameters are counted by formula, in the embedding and the encoder; `zoo audit` has other definitions.
    """
    catalog = open_catalog(strict)
    rows = list(rows_of(catalog, what, options))
    print_rows(rows if as_json else [_shortened(row) for row in rows], as_json)


def rows_of(catalog: Catalog, what: str, options: ListOptions) -> Iterator[Row]:
    """The rows of a listing that pass the filters. Raises UnknownName, and ZooError if a filter cannot apply."""
    listing = what.replace("_", "-").lower()
    if listing not in LISTINGS:
        raise UnknownName("kind of name to list", what, LISTINGS)
    families = [plugin.name for plugin in catalog.plugins] if options.family else []
    if options.family and options.family not in families:
        raise UnknownName("plugin", options.family, families)
    for given, field in ((options.max_parameters, "parameters"), (options.suite, "suite")):
        if given is not None and field not in next(iter(LISTINGS[listing](catalog)), {field: None}):
            fit = "tasks" if field == "suite" else "variants"
            raise ZooError(f"{what} have no {field}; list {fit} with this filter")
    for row in LISTINGS[listing](catalog):
        if options.family and str(row.get("plugin")).split(" ")[0] != options.family:
            continue
        if options.suite and str(row["suite"]).split(" ")[0] != options.suite:
            continue
        if options.max_parameters and not _at_most(row["parameters"], options.max_parameters):
            continue
        yield row


def _at_most(count: Any, most: int) -> bool:
    return count is not None and count <= most


def _shortened(row: Row) -> Row:
    """A row in which a long list of words, as the labels of a task, is its beginning and its length."""
    return {name: _beginning(cell) if isinstance(cell, str) else cell for name, cell in row.items()}


def _beginning(cell: str) -> str:
    words = cell.split(", ")
    few = f"{', '.join(words[:FEW])}, ... ({len(words)})"
    return few if len(words) > FEW and len(cell) > LONG else cell


def _variants(catalog: Catalog) -> Iterator[Row]:
    from zoo.auditing.closed_form import closed_form

    for variant in catalog.variants.values():
        yield {
            "name": variant.name,
            "parameters": closed_form(catalog, variant).count("encoder"),
            "layers": variant.dims.n_layers,
            "hidden_width": variant.dims.hidden_width,
            "embedding_width": variant.dims.embedding_width,
            "vocab_size": variant.dims.vocab_size,
            "objectives": ", ".join(used.name for used in variant.objectives),
            "plugin": catalog.owner("variant", variant.name).name,
            "paper": variant.paper,
        }


def _tasks(catalog: Catalog) -> Iterator[Row]:
    for task in catalog.tasks.values():
        yield {
            "name": task.name,
            "suite": task.suite + (" (synthetic)" if task.synthetic else ""),
            "kind": task.kind,
            "metrics": ", ".join(task.metrics),
            "labels": ", ".join(task.labels),
            "plugin": catalog.owner("task", task.name).name,
        }


def metric_rows(catalog: Catalog) -> Iterator[Row]:
    """The metrics of every task kind, the zoo's own first."""
    from zoo.tasks.metrics import metrics_of

    for kind in catalog.offered["task_kind"]:
        for metric in metrics_of(kind).values():
            offered = metric.name in catalog.offered["metric"]
            better = "higher is better" if metric.higher_is_better else "lower is better"
            plugin = catalog.owner("metric", metric.name).name if offered else "zoo"
            ends: list[JsonValue] = [end if isfinite(end) else None for end in metric.range]
            yield {"name": metric.name, "kind": kind, "order": better, "range": ends, "plugin": plugin}


def _paper_tables(catalog: Catalog) -> Iterator[Row]:
    for table in catalog.paper_tables.values():
        plugin = catalog.owner("paper_table", table.name).name
        sizes = ", ".join(table.sizes)
        yield {"name": table.name, "title": table.title, "sizes": sizes, "plugin": plugin, "paper": table.source}


def _search_grids(catalog: Catalog) -> Iterator[Row]:
    for grid in catalog.search_grids.values():
        yield {
            "name": grid.name,
            "settings": sum(map(len, grid.settings.values())),
            "tasks": "any" if "*" in grid.settings else ", ".join(grid.settings),
            "plugin": catalog.owner("search_grid", grid.name).name,
            "paper": grid.source,
        }


def _checkpoint_formats(catalog: Catalog) -> Iterator[Row]:
    for format in catalog.checkpoint_formats.values():
        plugin = catalog.owner("checkpoint_format", format.name).name
        yield {"name": format.name, "architectures": ", ".join(format.architectures), "plugin": plugin}


def _published_counts(catalog: Catalog) -> Iterator[Row]:
    for count in catalog.published_counts.values():
        plugin = catalog.owner("published_count", count.name).name
        yield {"name": count.variant, "figure": count.figure, "plugin": plugin, "source": count.source}


def _sizes(catalog: Catalog) -> Iterator[Row]:
    for size in get_args(Size):
        fields = cpu_size(size)
        dims, recipe = fields["dims"], fields["pretraining"]
        yield {
            "name": size,
            "layers": dims.n_layers,
            "hidden_width": dims.hidden_width,
            "heads": dims.n_heads,
            "vocab_size": dims.vocab_size,
            "max_length": dims.max_length,
            "pretraining_tokens": recipe.tokens,
        }


def _corpora(catalog: Catalog) -> Iterator[Row]:
    from zoo.experiments.plan import corpus

    for source in (corpus.MicroworldCorpus, corpus.FilesCorpus, corpus.TasksCorpus):
        yield {"name": source.model_fields["kind"].default, "text": (source.__doc__ or "").strip()}


def _named(*kinds: str) -> Callable[[Catalog], Iterator[Row]]:
    def rows(catalog: Catalog) -> Iterator[Row]:
        for kind in kinds:
            for name in catalog.offered[kind]:
                yield {"name": name, "kind": kind.replace("_", " "), "plugin": catalog.owner(kind, name).origin}

    return rows


LISTINGS: dict[str, Callable[[Catalog], Iterable[Row]]] = {
    **{f"{kind.replace('_', '-')}s": _named(kind) for kind in KINDS},
    "variants": _variants,
    "parts": _named(*PARTS),
    "tasks": _tasks,
    "metrics": metric_rows,
    "paper-tables": _paper_tables,
    "search-grids": _search_grids,
    "checkpoint-formats": _checkpoint_formats,
    "published-counts": _published_counts,
    "sizes": _sizes,
    "corpora": _corpora,
    "all": _named(*(kind for kind in KINDS if kind != UNNAMED)),
}
"""What can be listed, and the rows of each."""


def plugins(as_json: AsJson = False, strict: Strict = False) -> None:
    """List the installed plugins, what each registers, and what failed."""
    rows: list[Row] = [
        {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "registers": {kind: list(names) for kind, names in plugin.registers.items()},
            "failed": "; ".join(f"{phase}: {reason}" for phase, reason in plugin.failures.items()) or None,
        }
        for plugin in open_catalog(strict, warn=False).plugins
    ]
    if not as_json:
        for row in rows:
            registers: Any = row["registers"]
            row["registers"] = ", ".join(_counted(kind, len(names)) for kind, names in registers.items())
    print_rows(rows, as_json)


def _counted(kind: str, n: int) -> str:
    return f"{n} {kind.replace('_', ' ')}{'s' if n > 1 else ''}"
