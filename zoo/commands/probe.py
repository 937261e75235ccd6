"""`zoo probe`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import OUTPUT, AsJson, ending, print_json, show
from zoo.commands.inference import Device
from zoo.core.options import read_count

TRAINING = "Training"


def _count(text: str) -> int:
    try:
        found = read_count(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    assert isinstance(found, int)
    return found


def probe(
    model: Annotated[
        str,
        typer.Argument(
            help="A folder with a model; or a variant, which is pre-trained first.",
            autocompletion=COMPLETIONS["variants"],
        ),
    ],
    task: Annotated[
        str,
        typer.Option(
            help="The task that heads learn. [dim](e.g. micro-roles)[/dim]", autocompletion=COMPLETIONS["tasks"]
        ),
    ],
    data: Annotated[
        Path | None, typer.Option(help="The folder that holds the task's files. [dim](e.g. data/glue)[/dim]")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Heads per layer.", rich_help_panel=TRAINING)] = 3,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Training steps of the heads. [dim](default: as the variant's record says; e.g. 200)[/dim]",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    learning_rate: Annotated[
        float, typer.Option(min=1e-9, max=10.0, help="Learning rate of the heads.", rich_help_panel=TRAINING)
    ] = 0.01,
    control: Annotated[
        bool,
        typer.Option("--control/--no-control", help="Probe the same encoder with random weights, too."),
    ] = True,
    pretrain_tokens: Annotated[
        int | None,
        typer.Option(
            parser=_count,
            metavar="N",
            help="Pre-training tokens of a variant. [dim](default: as its record says; e.g. 1M)[/dim]",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            help="Text files or folders to pre-train a variant on; may be repeated. "
            "[dim](default: text of the task; e.g. wiki.txt)[/dim]",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write all of it to a file: .html, .md, .json, .csv, .tex. [dim](e.g. probe.html)[/dim]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Score every layer of a frozen encoder by what a linear head learns from it, beside one with random weights.

    Example: zoo probe runs/mine/model --task micro-roles --out probe.html
    """
    import zoo

    probed = zoo.probe(
        model,
        task,
        data=data,
        seeds=seeds,
        steps=steps,
        learning_rate=learning_rate,
        control=control,
        pretrain_tokens=pretrain_tokens,
        corpus=tuple(corpus or ()),
        device=device,
        progress=True,
    )
    if as_json:
        print_json(probed.render("json"))
    else:
        show(probed.document.brief)
    if out is not None:
        probed.save(out)
        ending({"report": out})
