"""`zoo report` and `zoo verify`: what they are asked; what they do is imported when it is."""

from __future__ import annotations

import json
import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """What a report can be."""

    terminal = "terminal"
    markdown = "markdown"
    csv = "csv"
    json = "json"
    html = "html"


def report(
    run: Annotated[Path, typer.Argument(help="A run folder that `zoo compare` made.")],
    form: Annotated[Format, typer.Option("--format", help="What to make.")] = Format.terminal,
    out: Annotated[Path | None, typer.Option(help="Write to this file, not to the terminal.")] = None,
) -> None:
    """Report on a run from its saved results alone."""
    from rich.console import Console

    from zoo.files import write_text
    from zoo.study import report as reports
    from zoo.study.page import html
    from zoo.study.results import read_run
    from zoo.study.verdicts import judge

    done = read_run(run)
    found = judge(done)
    if form is Format.terminal and out is None:
        reports.print_table(done, found, Console(width=None if sys.stdout.isatty() else reports.PLAIN_WIDTH))
        return
    made = {
        Format.terminal: lambda: reports.plain(done, found),
        Format.markdown: lambda: reports.markdown(done, found),
        Format.csv: lambda: reports.csv_rows(done),
        Format.json: lambda: json.dumps(reports.summary(done, found), indent=1) + "\n",
        Format.html: lambda: html(done, found),
    }[form]()
    if out is None:
        print(made, end="")
    else:
        write_text(out, made)


def verify(run: Annotated[Path, typer.Argument(help="A run folder that `zoo compare` made.")]) -> int:
    """Check that a run's published numbers follow from its stored predictions; status 1 where one does not."""
    from zoo.study.verify import verify as check

    checks = check(run)
    for found in checks:
        if found.finding != "confirmed":
            print(f"{found.finding}: {found.where}: {found.detail}")
    counts = Counter(found.finding for found in checks)
    print(", ".join(f"{name} {counts[name]:,}" for name in ("confirmed", "contradicted", "not decidable")))
    return 1 if counts["contradicted"] else 0
