"""`zoo task check`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import AsJson, ending, print_json, show


def check(
    task: Annotated[
        str,
        typer.Argument(
            help="A file that describes a task of your own, or a task's name. [dim](e.g. my/task.toml)[/dim]",
            autocompletion=COMPLETIONS["tasks"],
        ),
    ],
    data: Annotated[
        Path | None, typer.Option(help="The folder that holds the task's files. [dim](e.g. data/glue)[/dim]")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(
            help="Also measure lengths in tokens, with the tokenizer of this variant or model folder. "
            "[dim](e.g. bert-tiny)[/dim]",
            autocompletion=COMPLETIONS["variants"],
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Summarize a task's data: items, labels, duplicates, overlap between splits, and lengths.

    Example: zoo task check my/task.toml --variant bert-tiny
    """
    import zoo

    found = zoo.check_task(task, data=data, variant=variant)
    if as_json:
        print_json(found.render("json"))
    else:
        show(found.document)
    more = f" --data {shlex.quote(str(data))}" if data else ""
    lengths = [] if variant else [f"zoo task check {shlex.quote(task)}{more} --variant bert-tiny"]
    ending({}, *lengths, f"zoo compare --tasks {shlex.quote(task)}{more}")
