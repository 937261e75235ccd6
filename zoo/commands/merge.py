"""`zoo merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.console import AsJson, ending, print_json, quoted, show, show_answer
from zoo.commands.report import AcrossHardware


def merge(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of the same tasks, at least two.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the merged run to this folder. [dim](e.g. runs/both)[/dim]")
    ] = None,
    across_hardware: AcrossHardware = False,
    as_json: AsJson = False,
) -> int:
    """Merge runs of the same tasks into one, such as those of several machines, and report on it.

    Example: zoo merge runs/here runs/there --out runs/both
    """
    import zoo

    comparison = zoo.merge(*runs, out=out, across_hardware=across_hardware)
    if as_json:
        print_json(comparison.render("json"))
    else:
        show(comparison.document.brief)
        show_answer(comparison.document)
    if out is not None:
        ending({"run folder": out}, f"zoo report {quoted(out)} --format html --out report.html")
    return 1 if comparison.failures else 0
