"""`zoo convert`."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.console import AsJson, ending, print_json, quoted


class Format(StrEnum):
    """The two kinds of folder."""

    hf = "hf"
    zoo = "zoo"


def convert(
    source: Annotated[str, typer.Argument(help="A folder with a model, or hub:OWNER/NAME@REVISION.")],
    target: Annotated[Path, typer.Argument(help="The folder to write.")],
    to: Annotated[
        Format, typer.Option(help="hf, the Hugging Face format, or zoo, zoo's own. [dim](e.g. zoo)[/dim]")
    ] = Format.hf,
    tensors: Annotated[bool, typer.Option("--tensors", help="List each tensor with its new name.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Convert a model folder to the Hugging Face format, or to zoo's own.

    Example: zoo convert runs/mine/model bert-mine
    """
    import zoo

    done = zoo.convert(source, target, to=to.value, replace=replace)
    if as_json:
        print_json([asdict(one) for one in done.tensors])
    else:
        for one in done.tensors if tensors else ():
            print(f"{one.before} -> {one.after or 'left out'} {one.dtype} {list(one.shape)}")
        print(done)
    ending({}, f"zoo audit {quoted(target)}")
