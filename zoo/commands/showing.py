"""`zoo show`: one record, or the difference of two."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import JsonValue

from zoo.commands.completion import COMPLETIONS, UNNAMED
from zoo.commands.console import AsJson, Strict, open_catalog, print_json, print_rows
from zoo.commands.listing import metric_rows
from zoo.core.diff import diff
from zoo.core.errors import UnknownName
from zoo.core.specs import Record, Variant
from zoo.registry.catalog import Catalog
from zoo.registry.offers import KINDS, PARTS, RECORDS


def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A variant, expression, model folder, part, task, or any other name in `zoo list all`.",
            autocompletion=COMPLETIONS["named"],
        ),
    ],
    other: Annotated[
        str | None,
        typer.Argument(
            help="A second variant, to print the fields in which the two differ.",
            autocompletion=COMPLETIONS["variants"],
        ),
    ] = None,
    as_json: AsJson = False,
    strict: Strict = False,
) -> None:
    """Show what a name refers to, or the fields in which two variants differ.

    Example: zoo show albert.shared
    Example: zoo show bert-tiny bert-tiny+encoder=albert.shared

    For a part, show its options with types and defaults. Expressions that cannot be built are refused.
    """
    catalog = open_catalog(strict)
    if other is not None:
        a, b = buildable(catalog, name, other), buildable(catalog, other, name)
        rows: list[dict[str, JsonValue]] = [
            {"field": field, a.name: left, b.name: right} for field, (left, right) in diff(a, b).items()
        ]
        print_rows(rows, as_json)
        return
    records = list(records_of(catalog, name))
    if as_json:
        print_json(records[0] if len(records) == 1 else records)
        return
    for record in records:
        print_rows([{"field": field, "value": value} for field, value in _flat(record)], as_json=False)


def buildable(catalog: Catalog, expression: str, *beside: str) -> Variant:
    """The variant that an expression means. Raises ZooError if it exchanges fields and can no longer be built."""
    variant = catalog.variant(expression, beside=beside)
    if catalog.base(expression) != expression:
        catalog.check(variant, trained=catalog.folder(expression) is not None)
    return variant


def records_of(catalog: Catalog, name: str) -> Iterator[dict[str, Any]]:
    """Everything with this name, variants first. Raises UnknownName with the nearest names."""
    is_path = "/" in catalog.base(name)  # of a model, or of none, which is said as elsewhere
    is_variant = is_path or catalog.folder(name) is not None or catalog.base(name) in catalog.variants
    known_metrics = [] if is_variant else metric_rows(catalog)  # these import numpy
    metrics = [row for row in known_metrics if row["name"] == name]
    others = ("variant", "formula", *(["metric"] if metrics else []))
    kinds = [kind for kind in KINDS if kind not in others and name in catalog.offered[kind]]
    if is_variant:
        yield buildable(catalog, name).model_dump(mode="json")
    elif not kinds and not metrics and Path(name).is_dir():
        catalog.variant(name)  # which says what the folder lacks
    elif not kinds and not metrics:
        names = {known for kind in KINDS if kind != UNNAMED for known in catalog.offered[kind]}
        names |= {str(row["name"]) for row in known_metrics}
        raise UnknownName("variant, part, task or other name", name, names)
    for kind in kinds:
        yield _part(catalog, kind, name) if kind in PARTS else _other(catalog, kind, name)
    yield from (row | {"kind": "metric", "task_kind": row["kind"]} for row in metrics)


def _part(catalog: Catalog, kind: str, name: str) -> dict[str, Any]:
    from zoo.registry.describe import citation_of, options_of, summary_of

    part = catalog.part(kind, name)
    options: dict[str, dict[str, JsonValue]] = {option.name: {"type": option.type} for option in options_of(kind, part)}
    for option in options_of(kind, part):
        if not option.required:
            options[option.name]["default"] = option.default
    return {
        "name": name,
        "kind": kind,
        "plugin": catalog.owner(kind, name).origin,
        "class": f"{part.__module__}:{part.__qualname__}",
        "description": summary_of(part),
        "citation": citation_of(part),
        "options": options,
    }


def _other(catalog: Catalog, kind: str, name: str) -> dict[str, Any]:
    """A record as it is; for anything else its plugin and its description."""
    from zoo.registry.describe import summary_of

    found = catalog.resolve(kind, name)
    if isinstance(found, Record):
        said = {} if kind == "task" else {"kind": kind.replace("_", " ")}  # a task has its own field `kind`
        return said | found.model_dump(mode="json")
    described: dict[str, Any] = {
        "name": name,
        "kind": kind.replace("_", " "),
        "plugin": catalog.owner(kind, name).origin,
    }
    if kind in RECORDS:
        return described | {"architectures": list(found.architectures), "base": found.base.name}
    return described | {"description": summary_of(found)}


def _flat(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, JsonValue]]:
    rows: list[tuple[str, JsonValue]] = []
    for field, value in record.items():
        if isinstance(value, dict) and set(value) <= {"type", "default"} and "type" in value:
            rows.append((prefix + field, _option(value)))
        elif isinstance(value, dict) and value:
            rows += _flat(value, f"{prefix}{field}.")
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            rows += [(f"{prefix}{field}.{index}", _inline(item)) for index, item in enumerate(value, 1)]
        else:
            rows.append((prefix + field, " ".join(value.split()) if isinstance(value, str) else value))
    return rows


def _inline(record: Mapping[str, Any]) -> str:
    """A record within a list, on one line, without unset fields."""
    given = ((field, value) for field, value in record.items() if value not in (None, [], {}))
    return ", ".join(f"{field}={value if isinstance(value, str) else json.dumps(value)}" for field, value in given)


def _option(option: Mapping[str, Any]) -> str:
    if "default" not in option:
        return f"{option['type']} (required)"
    return f"{option['type']} = {'null' if option['default'] is None else option['default']}"
