"""`zoo convert`."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """The two kinds of folder."""

    hf = "hf"
    zoo = "zoo"


def convert(
    source: Annotated[str, typer.Argument(help="A folder with a model, or hub:OWNER/NAME@REVISION.")],
    target: Annotated[Path, typer.Argument(help="The folder to write.")],
    to: Annotated[Format, typer.Option(help="The Hugging Face format, or the zoo's own.")] = Format.hf,
    tensors: Annotated[bool, typer.Option("--tensors", help="List what became of each tensor.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of a folder that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a model's folder in the Hugging Face format, or in the zoo's own."""
    from zoo.checkpoints.converting import convert as do
    from zoo.commands.console import print_json

    moved = do(source, target, to=to.value, replace=replace)
    if as_json:
        print_json([asdict(one) for one in moved])
        return
    for one in moved if tensors else ():
        print(f"{one.before} -> {one.after or 'left out'} {one.dtype} {list(one.shape)}")
    kept = sum(one.after is not None for one in moved)
    left = f", {len(moved) - kept} left out" if kept < len(moved) else ""
    print(f"{target}: {kept} tensors{left}")
