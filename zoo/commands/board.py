"""`zoo board`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.console import ending


def board(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, judged folders, or folders of them.")],
    out: Annotated[Path, typer.Option(help="The folder to write the page to. [dim](e.g. site)[/dim]")] = Path("site"),
) -> int:
    """Write a leaderboard page from the folders of many runs; status 1 if a folder is left out.

    Example: zoo board runs --out site
    """
    import zoo

    made = zoo.board(*runs, out=out)
    print(made)
    for each in made.board.left_out:
        print(f"left out: {each.name}: {each.reason}", file=sys.stderr)
    ending({"page": out / "index.html", "data": out / "board.json"})
    return 1 if made.board.left_out else 0
