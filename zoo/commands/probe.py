"""`zoo probe`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import OUTPUT, AsJson, ending, print_json, show
from zoo.commands.options import takes
from zoo.inference.request import ProbeRequest


@takes(ProbeRequest)
def probe(
    model: Annotated[
        str,
        typer.Argument(
            help="A model folder; or a variant, which is pre-trained first.",
            autocompletion=COMPLETIONS["variants"],
        ),
    ],
    *,
    task: Annotated[
        str,
        typer.Option(
            help="The task to train heads on. [dim](e.g. micro-roles)[/dim]", autocompletion=COMPLETIONS["tasks"]
        ),
    ],
    options: ProbeRequest,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the full report to a file: .html, .md, .json, .csv or .tex. [dim](e.g. probe.html)[/dim]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score each layer of a frozen encoder by a linear head that is trained on it.

    The results include the task's baselines and the same encoder with random weights.

    Example: zoo probe runs/mine/model --task micro-roles --out probe.html
    """
    import zoo

    probed = zoo.probe(model, task, progress=True, **options.given)
    if as_json:
        print_json(probed.render("json"))
    else:
        show(probed.document.brief)
    if out is not None:
        probed.save(out)
        ending({"report": out})
