"""The command line: thin commands over the catalog and the studies."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zoo.audit.command import audit
from zoo.catalog import KINDS, Catalog
from zoo.checkpoints.command import convert
from zoo.errors import UnknownName, ZooError
from zoo.inference.command import encode, fill, predict
from zoo.pretrain.command import corpus_, pretrain
from zoo.specs import Variant, diff
from zoo.study.command import report, verify

if TYPE_CHECKING:
    from zoo.study.corpora import CorpusSource
    from zoo.study.plan import Plan

app = typer.Typer(
    help="Define a BERT variant once; then audit, pre-train, fine-tune, compare and re-verify it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for _command in (audit, convert, encode, fill, predict, pretrain, report, verify):
    app.command()(_command)
app.command("corpus")(corpus_)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first plugin that fails.")]

# By its version, Typer brings a copy of click or needs the installed one; this is the base of its usage errors.
_UsageError: type[Any] = typer.BadParameter.__mro__[2]

PIPED_WIDTH = 250
"""Columns of a table that no terminal bounds."""

DEFAULT_VARIANTS = ("bert-tiny", "roberta-tiny", "albert-tiny")


class Listing(StrEnum):
    """What can be listed."""

    variants = "variants"
    parts = "parts"
    tasks = "tasks"


def main() -> None:
    """Run the command line: a user's mistake ends with one line and status 2, a failed run with 1."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        status = app(arguments, standalone_mode=False)
    except (ZooError, _UsageError) as error:
        if debug:
            raise
        message = str(error) if isinstance(error, ZooError) else error.format_message()
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped; what was finished is kept", file=sys.stderr)
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


@app.command("list")
def list_(
    what: Annotated[Listing, typer.Argument()] = Listing.variants, as_json: AsJson = False, strict: Strict = False
) -> None:
    """List variants, parts or tasks."""
    catalog = _catalog(strict)
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
    _print_rows(rows, as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A variant, expression or folder, a task, or a part.")],
    other: Annotated[str | None, typer.Argument(help="Another variant: print the fields in which they differ.")] = None,
    as_json: AsJson = False,
    strict: Strict = False,
) -> None:
    """Show one record, or the difference of two variants field by field."""
    catalog = _catalog(strict)
    if other is not None:
        a, b = catalog.variant(name), catalog.variant(other)
        rows: list[dict[str, JsonValue]] = [
            {"field": field, a.name: left, b.name: right} for field, (left, right) in diff(a, b).items()
        ]
        _print_rows(rows, as_json)
        return
    record = _record(catalog, name)
    if as_json:
        print(json.dumps(record, indent=1))
        return
    _print_rows([{"field": field, "value": value} for field, value in _flat(record)], as_json=False)


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
        for plugin in _catalog(strict, warn=False).plugins
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
    _print_rows(rows, as_json)


@app.command()
def compare(
    variants: Annotated[
        list[str] | None, typer.Argument(help="Variants, expressions or folders with models; the tiny three if none.")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Tasks, separated by commas; the starter suite if none.")] = None,
    glue: Annotated[Path | None, typer.Option(help="The folder that holds GLUE's task folders.")] = None,
    corpus: Annotated[
        list[Path] | None, typer.Option(help="Text files or folders to pre-train on; may be repeated.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Fine-tuning seeds.")] = 3,
    tokens: Annotated[int | None, typer.Option(min=64, help="Pre-training tokens, for each variant.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Fine-tuning steps, for each variant and task.")] = None,
    workers: Annotated[int, typer.Option(min=0, max=256, help="Processes; 0 works in this one.")] = 2,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of each process.")] = 1,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/compare-DATE-TIME if none.")] = None,
    as_json: AsJson = False,
    strict: Strict = False,
) -> int:
    """Pre-train variants on the same text, fine-tune them on the same tasks, and print one table."""
    catalog = _catalog(strict)
    asked = variants or DEFAULT_VARIANTS
    chosen = [_with_budget(catalog.variant(name), tokens, steps) for name in asked]
    paths = [catalog.folder(name) for name in asked]
    folders = {variant.name: path for variant, path in zip(chosen, paths, strict=True) if path is not None}
    names = _split(tasks) if tasks is not None else [t.name for t in catalog.tasks.values() if t.suite == "microworld"]
    plan = _plan(catalog, chosen, folders, names, seeds, corpus, glue, threads)
    folder = out or Path("runs") / f"compare-{datetime.now():%Y%m%d-%H%M%S}"
    return _run(plan, folder, workers, as_json)


def _plan(
    catalog: Catalog,
    variants: list[Variant],
    folders: dict[str, Path],
    tasks: list[str],
    seeds: int,
    paths: list[Path] | None,
    glue: Path | None,
    threads: int,
) -> Plan:
    from zoo.study.corpora import FilesCorpus
    from zoo.study.plan import make_plan

    corpus: CorpusSource | None = FilesCorpus(paths=tuple(str(path.resolve()) for path in paths)) if paths else None
    folder = glue.resolve() if glue else None
    return make_plan(
        catalog, variants, tasks, n_seeds=seeds, corpus=corpus, data_folder=folder, threads=threads, folders=folders
    )


def _with_budget(variant: Variant, tokens: int | None, steps: int | None) -> Variant:
    from zoo.study.plan import with_budget

    return with_budget(variant, tokens, steps)


def _run(plan: Plan, folder: Path, workers: int, as_json: bool) -> int:
    from zoo.study.display import Display
    from zoo.study.report import print_table, summary, write_report
    from zoo.study.runner import run
    from zoo.study.verdicts import judge

    with Display(plan, Console(stderr=True)) as display:
        done = run(plan, folder, workers=workers, watcher=display)
    found = judge(done)
    write_report(done, found, folder)
    if as_json:
        print(json.dumps(summary(done, found), indent=1))
    else:
        print_table(done, found, _console())
        print(f"run folder: {folder}")
    return 1 if done.failures else 0


def _catalog(strict: bool, warn: bool = True) -> Catalog:
    catalog = Catalog.installed(strict=strict)
    for plugin in catalog.plugins if warn else ():
        if plugin.failure:
            print(f"warning: plugin {plugin.origin} failed at {plugin.phase}: {plugin.failure}", file=sys.stderr)
    return catalog


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


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
    if catalog.folder(name) is None and name.split("+")[0] not in catalog.variants:
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


def _print_rows(rows: list[dict[str, JsonValue]], as_json: bool) -> None:
    """Rows of equal fields as a table, or as JSON; names are printed as they are, markup and all."""
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    if not rows:
        print("nothing")
        return
    table = Table(box=None, pad_edge=False)
    for index, field in enumerate(rows[0]):
        table.add_column(Text(field), overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(
            *(
                Text("" if value is None else value if isinstance(value, str) else json.dumps(value))
                for value in row.values()
            )
        )
    _console().print(table)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
