"""`zoo new` and `zoo check`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import AsJson, ending, print_json, show


def new(
    name: Annotated[
        str,
        typer.Argument(help="The plugin's name; its parts are called NAME.PART. [dim](e.g. fnet)[/dim]"),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to create. [dim](default: ./zoo-NAME; e.g. work/fnet)[/dim]"),
    ] = None,
    contents: Annotated[
        str,
        typer.Option(
            "--with", help="What to create besides a variant: encoder, objective, task. [dim](e.g. encoder)[/dim]"
        ),
    ] = "encoder,objective,task",
) -> None:
    """Create the package of a new plugin, ready to be installed, tested and compared.

    Example: zoo new fnet --with encoder
    """
    import zoo

    written = zoo.new_plugin(name, out=out, contents=contents)
    place = out or Path(f"zoo-{name}")
    for path in written:
        print(path)
    quoted = shlex.quote(str(place))
    ending({}, f"pip install -e {quoted}", f"zoo check {name}", f"zoo compare bert-tiny {name}-tiny")


def _progress() -> Callable[[str], None] | None:
    """Shows what is being checked, in one line that is overwritten; nothing where no terminal is."""
    if not sys.stderr.isatty():
        return None
    return lambda name: print(f"\r\x1b[K{name}", end="\r", file=sys.stderr, flush=True)


def check(
    plugin: Annotated[
        str,
        typer.Argument(
            help="A plugin's name, its distribution, or the folder of its package. [dim](e.g. bert)[/dim]",
            autocompletion=COMPLETIONS["plugins"],
        ),
    ],
    as_json: AsJson = False,
) -> int:
    """Check everything that a plugin offers, with advice for each failure (status 1).

    Example: zoo check ./zoo-fnet
    """
    import zoo

    found = zoo.check_plugin(plugin, progress=_progress())
    if as_json:
        print_json(found.render("json"))
    else:
        show(found.document)
    return 0 if found.ok else 1
