"""The command line: thin commands over the catalog and the studies."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import JsonValue

from zoo.commands.ablate import ablate
from zoo.commands.audit_options import audit
from zoo.commands.compare import compare
from zoo.commands.console import AsJson, Strict, open_catalog, print_json, print_rows
from zoo.commands.convert import convert
from zoo.commands.inference import encode, fill, predict
from zoo.commands.merge import merge
from zoo.commands.pretrain import corpus_, pretrain
from zoo.commands.report import glue_submission, report, verify
from zoo.commands.streams import prepared, results
from zoo.core.errors import UnknownName, ZooError
from zoo.core.specs import Variant, diff
from zoo.registry.catalog import Catalog
from zoo.registry.plugins import KINDS

app = typer.Typer(
    help="Define a BERT variant once; then audit, pre-train, fine-tune, compare and re-verify it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for _command in (ablate, audit, compare, convert, encode, fill, merge, predict, pretrain, report, verify):
    app.command()(_command)
app.command("corpus")(corpus_)
app.command("glue-submission")(glue_submission)

# By its version, Typer brings a copy of click or needs the installed one; this is the base of its usage errors.
_UsageError: type[Any] = typer.BadParameter.__mro__[2]


MISTAKES = (errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EACCES, errno.EPERM)
"""What the system says of paths that were given wrongly; any other refusal is a failed run."""


INTERRUPTED = 128 + signal.SIGINT
"""The status of a command that Ctrl-C ended."""


class Listing(StrEnum):
    """What can be listed."""

    variants = "variants"
    parts = "parts"
    tasks = "tasks"


def main() -> None:
    """Run the command line: a user's mistake ends with one line and status 2, a failed run with 1."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    with prepared(answer_alone="--json" in arguments):
        status = _run(arguments, debug="--debug" in sys.argv)
    sys.exit(status)


def _run(arguments: list[str], debug: bool) -> int:
    try:
        status = app(arguments, standalone_mode=False)
        if status == INTERRUPTED:  # Typer catches Ctrl-C itself
            raise KeyboardInterrupt
        results().flush()
    except (ZooError, _UsageError) as error:
        if debug:
            raise
        message = str(error) if isinstance(error, ZooError) else error.format_message()
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
        return int(error.exit_code)
    except OSError as error:  # of a path that cannot even be asked for, as one whose name is too long
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {ZooError(f'{place}{error.strerror or error}')}", file=sys.stderr)
        return 2 if error.errno in MISTAKES else 1
    except (KeyboardInterrupt, typer.Abort):
        print("stopped; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    return status if isinstance(status, int) else 0


@app.command("list")
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
            for kind in KINDS
            for name in catalog.parts[kind]
        ]
    print_rows(rows, as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A variant, expression or folder, a task, or a part.")],
    other: Annotated[str | None, typer.Argument(help="Another variant: print the fields in which they differ.")] = None,
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


@app.command()
def plugins(as_json: AsJson = False, strict: Strict = False) -> None:
    """List the installed plugins, what each registers, and what failed."""
    rows: list[dict[str, JsonValue]] = [
        {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "registers": {kind: list(names) for kind, names in plugin.registers.items()},
            "failed": f"{plugin.phase}: {plugin.failure}" if plugin.failure else None,
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
    for kind in KINDS:
        if name in catalog.parts[kind]:
            return {"name": name, "kind": kind, "plugin": catalog.owner(kind, name).origin}
    if catalog.folder(name) is None and catalog.base(name) not in catalog.variants:
        parts = [part for kind in KINDS for part in catalog.parts[kind]]
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
