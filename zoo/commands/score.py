"""`zoo score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.console import OUTPUT, AsJson, ending, print_json, show
from zoo.commands.inference import Device, InPrecision

WHAT = "What to score"


def score(
    models: Annotated[
        list[str],
        typer.Argument(help="Folders with language models, or hub:OWNER/NAME@REVISION; several are compared."),
    ],
    pairs: Annotated[
        str | None,
        typer.Option(
            help="Minimal pairs: a suite, a JSONL file as BLiMP's, or a folder of these. [dim](e.g. micro-pairs)[/dim]",
            rich_help_panel=WHAT,
        ),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="A file with one text per line. [dim](e.g. texts.txt)[/dim]", rich_help_panel=WHAT),
    ] = None,
    cloze: Annotated[
        Path | None,
        typer.Option(
            help="A file with, on each line, a text with one \\[MASK] and candidates for it, separated by tabs. "
            "[dim](e.g. cloze.tsv)[/dim]",
            rich_help_panel=WHAT,
        ),
    ] = None,
    within_words: Annotated[
        bool, typer.Option("--within-words", help="When a token is masked, also mask the following tokens of its word.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Score only the first N pairs of each phenomenon. [dim](e.g. 50)[/dim]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the full report to a file: .html, .md, .json, .csv or .tex. [dim](e.g. pairs.html)[/dim]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    device: Device = None,
    precision: InPrecision = "fp32",
    as_json: AsJson = False,
) -> None:
    """Score minimal pairs, texts, or candidates for a gap with pre-trained language models, without training.

    Scores are pseudo-log-likelihoods of masked language models, and log-likelihoods of causal ones.

    Example: zoo score runs/mine/model --pairs micro-pairs
    """
    import zoo

    scored = zoo.score(
        *models, pairs=pairs, texts=texts, cloze=cloze, within_words=within_words, limit=limit, device=device,
        precision=precision,
    )  # fmt: skip
    if as_json:
        print_json(scored.render("json"))
    else:
        show(scored.document.brief)
    if out is not None:
        scored.save(out)
        ending({"report": out})
