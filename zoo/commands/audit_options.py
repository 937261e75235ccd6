"""`zoo audit`: what it is asked; what it does is imported when it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.console import open_catalog


def audit(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Variants, expressions, checkpoint folders or safetensors files; every variant if none."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with tables and chart.")] = None,
    chart: Annotated[Path | None, typer.Option(help="Write the chart of components as SVG.")] = None,
    update: Annotated[Path | None, typer.Option(help="Write Markdown between the marks of a file.")] = None,
    module: Annotated[
        bool | None,
        typer.Option("--module/--no-module", help="Count on the module, too; by default where something is named."),
    ] = None,
    length: Annotated[list[int] | None, typer.Option(min=1, max=1_048_576, help="Tokens of a sequence.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=1_000_000, help="Sequences of a batch.")] = 32,
    figure: Annotated[list[str] | None, typer.Option(help="A printed figure to explain, as 206.9M.")] = None,
    check: Annotated[Path | None, typer.Option(help="Compare with a file that --json wrote.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first plugin that fails.")] = False,
) -> int:
    """Count parameters by formula, on the module, in a checkpoint and as published, and explain differences."""
    from zoo.commands import audit as session

    catalog = open_catalog(strict)
    asked = session.Asked(
        names=tuple(names or ()),
        module=bool(names) if module is None else module,
        lengths=tuple(length or (128, 512)),
        batch=batch,
        figures=tuple(figure or ()),
        outputs=session.Outputs(as_json, as_markdown, html, chart, update),
    )
    return session.check(catalog, asked, check) if check else session.report(catalog, asked)
