"""`zoo data`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.console import ending, split


def data(
    suite: Annotated[str, typer.Argument(help="What to fetch: glue.")],
    out: Annotated[Path, typer.Option(help="The folder to write. [dim](e.g. data)[/dim]")],
    only: Annotated[
        str | None,
        typer.Option(help="Data sets, separated by commas. [dim](default: all of the suite; e.g. rte,mrpc)[/dim]"),
    ] = None,
    revision: Annotated[str, typer.Option(help="A commit or branch on the hub.")] = "main",
) -> None:
    """Fetch the data of a suite of tasks from the Hugging Face hub, check them, and say their source and licence.

    Files that are there already and whole are kept, so an interrupted command can be typed again. Needs
    encoder-zoo[hub,data]; the variable HF_ENDPOINT names another hub.

    Example: zoo data glue --out data
    """
    import zoo

    names = split(only) if only else []
    print(zoo.fetch_data(suite, out, only=names, revision=revision))
    ending({}, f"zoo compare --tasks {','.join(names) or 'rte'} --data {shlex.quote(str(out))}")
