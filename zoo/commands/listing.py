"""`zoo list`, `zoo show` and `zoo plugins`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import JsonValue

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import AsJson, Strict, open_catalog, print_json, print_rows
from zoo.core.errors import UnknownName
from zoo.core.specs import Variant, diff
from zoo.registry.catalog import Catalog
from zoo.registry.offers import PARTS


class Listing(StrEnum):
    """What can be listed."""

    variants = "variants"
    parts = "parts"
    tasks = "tasks"


def list_(
    what: Annotated[Listing, typer.Argument()] = Listing.variants, as_json: AsJson = False, strict: Strict = False
) -> None:
    """List variants, parts or tasks."""
    catalog = open_catalog(strict)
    if what is Listing.variants:
        rows = [_variant_row(catalog, variant) for variant in catalog.variants.values()]
    elif what is Listing.tasks:
        rows = [
            {
                "name": task.name,
                "suite": task.suite + (" (synthetic)" if task.synthetic else ""),
                "kind": task.kind,
                "metrics": ", ".join(task.metrics),
                "labels": ", ".join(task.labels),
            }
            for task in catalog.tasks.values()
        ]
    else:
        rows = [
            {"name": name, "kind": kind, "plugin": catalog.owner(kind, name).origin}
            for kind in PARTS
            for name in catalog.parts[kind]
        ]
    print_rows(rows, as_json)


def show(
    name: Annotated[
        str,
        typer.Argument(help="A variant, expression or folder, a task, or a part.", autocompletion=COMPLETIONS["named"]),
    ],
    other: Annotated[
        str | None,
        typer.Argument(
            help="Another variant: print the fields in which they differ.", autocompletion=COMPLETIONS["variants"]
        ),
    ] = None,
    as_json: AsJson = False,
    strict: Strict = False,
) -> None:
    """Show one record, or the difference of two variants field by field."""
    catalog = open_catalog(strict)
    if other is not None:
        a, b = catalog.variant(name, beside=[other]), catalog.variant(other, beside=[name])
        rows: list[dict[str, JsonValue]] = [
            {"field": field, a.name: left, b.name: right} for field, (left, right) in diff(a, b).items()
        ]
        print_rows(rows, as_json)
        return
    record = _record(catalog, name)
    if as_json:
        print_json(record)
        return
    print_rows([{"field": field, "value": value} for field, value in _flat(record)], as_json=False)


def plugins(as_json: AsJson = False, strict: Strict = False) -> None:
    """List the installed plugins, what each registers, and what failed."""
    rows: list[dict[str, JsonValue]] = [
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
            registers = row["registers"]
            assert isinstance(registers, dict)
            row["registers"] = ", ".join(
                f"{len(names)} {kind}{'s' if len(names) > 1 else ''}"
                for kind, names in registers.items()
                if isinstance(names, list)
            )
    print_rows(rows, as_json)


def _variant_row(catalog: Catalog, variant: Variant) -> dict[str, JsonValue]:
    return {
        "name": variant.name,
        "layers": variant.dims.n_layers,
        "hidden_width": variant.dims.hidden_width,
        "embedding_width": variant.dims.embedding_width,
        "vocab_size": variant.dims.vocab_size,
        "objectives": ", ".join(used.name for used in variant.objectives),
        "plugin": catalog.owner("variant", variant.name).name,
        "paper": variant.paper,
    }


def _record(catalog: Catalog, name: str) -> dict[str, Any]:
    """The record of a variant, task or part. Raises UnknownName with the nearest of all of them."""
    if name in catalog.tasks:
        return catalog.tasks[name].model_dump(mode="json")
    for kind in PARTS:
        if name in catalog.parts[kind]:
            return {"name": name, "kind": kind, "plugin": catalog.owner(kind, name).origin}
    if catalog.folder(name) is None and catalog.base(name) not in catalog.variants:
        parts = [part for kind in PARTS for part in catalog.parts[kind]]
        raise UnknownName("variant, task or part", name, [*catalog.variants, *catalog.tasks, *parts])
    return catalog.variant(name).model_dump(mode="json")


def _flat(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, JsonValue]]:
    rows: list[tuple[str, JsonValue]] = []
    for field, value in record.items():
        if isinstance(value, dict) and value:
            rows += _flat(value, f"{prefix}{field}.")
        else:
            rows.append((prefix + field, value))
    return rows
