"""`zoo data`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.console import ending, split


def data(
    suite: Annotated[str, typer.Argument(help="The suite to download: glue.")],
    out: Annotated[Path, typer.Option(help="The folder to write. [dim](e.g. data)[/dim]")],
    only: Annotated[
        str | None,
        typer.Option(
            help="Data sets to download, separated by commas. [dim](default: all of the suite; e.g. rte,mrpc)[/dim]"
        ),
    ] = None,
    revision: Annotated[str, typer.Option(help="A commit or branch on the hub.")] = "main",
) -> None:
    """Download the data of a suite of tasks from the Hugging Face Hub, check them, and print their source and license.

    Complete files are kept, so the same command resumes an interrupted download. Needs encoder-zoo[hub,data]. The
    environment variable HF_ENDPOINT selects another hub.

    Example: zoo data glue --out data
    """
    import zoo

    names = split(only) if only else []
    print(zoo.fetch_data(suite, out, only=names, revision=revision))
    ending({}, f"zoo compare --tasks {','.join(names) or 'rte'} --data {shlex.quote(str(out))}")
