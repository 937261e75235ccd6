"""`zoo audit`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.auditing.request import AuditRequest
from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import OUTPUT, AsJson, Strict, ending, open_catalog, print_json
from zoo.commands.options import takes
from zoo.core.errors import ZooError
from zoo.core.files import write_text

if TYPE_CHECKING:
    from zoo.api.audits import Audits


@takes(AuditRequest)
def audit(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Variants, expressions, checkpoint folders or safetensors files. [dim](default: every variant)[/dim]",
            autocompletion=COMPLETIONS["variants"],
        ),
    ] = None,
    *,
    options: AuditRequest,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.", rich_help_panel=OUTPUT)] = False,
    html: Annotated[
        Path | None,
        typer.Option(help="Write an HTML page, with the chart. [dim](e.g. audit.html)[/dim]", rich_help_panel=OUTPUT),
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(help="Write the chart of components as SVG. [dim](e.g. audit.svg)[/dim]", rich_help_panel=OUTPUT),
    ] = None,
    update: Annotated[
        Path | None,
        typer.Option(
            help="Replace the Markdown between the markers in this file. [dim](e.g. README.md)[/dim]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help="Compare with an earlier --json output; status 1 if a count changed. [dim](e.g. audit.json)[/dim]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: AsJson = False,
    strict: Strict = False,
) -> int:
    """Count parameters by formula, in the built module, in checkpoints and as published, and explain differences.

    Example: zoo audit bert-base-uncased albert-base-v2
    """
    import zoo

    given = options.given | {"catalog": open_catalog(strict)}
    if check:
        return _check(check, names or [], given)
    audits = zoo.audit(*(names or []), **given)
    if as_json:
        print_json(audits.as_json())
    elif not (as_markdown or html or chart or update) and audits.good:
        _print(audits, bool(names))
    if audits.good:
        _write(audits, as_markdown, html, chart, update)
    for error in audits.errors:
        print(f"error: {error}", file=sys.stderr)
    return ZooError.exit_code if audits.errors else 0


def _print(audits: Audits, named: bool) -> None:
    from zoo.document.text import terminal_width, text

    print(text(audits.brief, terminal_width()))
    if not named:
        ending({}, "zoo audit bert-base-uncased albert-base-v2")


def _write(audits: Audits, as_markdown: bool, html: Path | None, chart: Path | None, update: Path | None) -> None:
    from zoo.auditing import chart as charts
    from zoo.auditing.report import write_markdown
    from zoo.document import Made
    from zoo.document.html import render
    from zoo.document.markdown import sections
    from zoo.document.svg import standalone

    if as_markdown:
        print(sections(audits.sections, level=3), end="")
    if update:
        write_markdown(update, sections(audits.sections, level=3))
    if chart:
        write_text(chart, standalone(charts.chart(audits.good), charts.TITLE))
    if html:
        made = Made(date.today().isoformat(), shlex.join(["zoo", *sys.argv[1:]]))
        write_text(html, render(replace(audits.document, made=made)))
    written = {"page": html, "chart": chart, "page with tables": update}
    ending({what: path for what, path in written.items() if path and not as_markdown})


def _check(expected: Path, names: list[str], given: dict[str, Any]) -> int:
    """0 if everything is as a file expects, 1 if something moved, 2 if something cannot be audited."""
    import zoo

    status = 0
    for name, changes in zoo.check_audit(expected, *names, **given).items():
        if not isinstance(changes, list):
            print(f"error: {changes.error}", file=sys.stderr)
            status = ZooError.exit_code
            continue
        print("\n".join(changes) or f"{name}: as expected")
        status = status or int(bool(changes))
    return status
