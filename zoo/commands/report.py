"""`zoo report`, `zoo verify`, `zoo glue-submission` and `zoo superglue-submission`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.commands.completion import COMPLETIONS
from zoo.commands.console import ending, quoted, show
from zoo.commands.options import takes
from zoo.experiments.verify.request import VerifyRequest

RunFolder = Annotated[Path, typer.Argument(help="A run folder, or a folder that `zoo judge` wrote.")]
AcrossHardware = Annotated[
    bool,
    typer.Option("--across-hardware", help="Compare times and memory even if different machines measured them."),
]


def report(
    run: RunFolder,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="The format: terminal, markdown, csv, json, html, latex, or one of a plugin. "
            "[dim](default: by the ending of --out, else terminal; e.g. html)[/dim]",
            autocompletion=COMPLETIONS["formats"],
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file instead of the terminal. [dim](e.g. report.html)[/dim]")
    ] = None,
    section: Annotated[
        list[str] | None,
        typer.Option(help="Report only the section with this id; may be repeated. [dim](e.g. scores)[/dim]"),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Scores shown to differ by less than this many points are equivalent. [dim](e.g. 1)[/dim]"),
    ] = None,
    family_wise: Annotated[
        bool, typer.Option("--family-wise", help="Correct for multiple tests over all pairs and tasks together.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(help="Report only differences from this system, corrected together. [dim](e.g. bert-tiny)[/dim]"),
    ] = None,
    across_hardware: AcrossHardware = False,
) -> None:
    """Report on a run, from its saved results.

    Example: zoo report runs/mine --format html --out report.html
    """
    import zoo

    comparison = zoo.report(
        run, margin=margin, family_wise=family_wise or None, against=against, across_hardware=across_hardware
    )
    if out is not None:
        form = form or (None if out.suffix else "terminal")
        ending({form or "report": comparison.save(out, form, section or ())})
    elif form in (None, "terminal"):
        show(comparison.document.only(section) if section else comparison.document)
        ending({}, f"zoo report {quoted(run)} --format html --out report.html")
    else:
        print(comparison.render(form, section or ()).removesuffix("\n"))


@takes(VerifyRequest)
def verify(
    run: Annotated[Path, typer.Argument(help="A run folder, or its results.json.")],
    *,
    options: VerifyRequest,
) -> int:
    """Check a run's published numbers: confirmed, contradicted (status 1) or not decidable.

    Example: zoo verify runs/mine --depth models
    """
    import zoo

    checked = zoo.verify(run, progress=True, **options.given)
    for check in checked.checks:
        if check.finding != "confirmed" or (options.depth == "training" and "trained again" in check.where):
            print(f"{check.finding}: {check.where}: {check.detail}")
    print(", ".join(f"{name} {n:,}" for name, n in checked.counts.items()))
    deeper = {"files": "models", "models": "training"}.get(options.depth)
    if deeper and not checked.contradicted and checked.has_models:
        ending({}, f"zoo verify {quoted(run)} --depth {deeper}")
    return 1 if checked.contradicted else 0


OfVariant = Annotated[
    str | None, typer.Option(help="The variant; required if the run has several. [dim](e.g. bert-tiny)[/dim]")
]


def glue_submission(
    run: Annotated[Path, typer.Argument(help="A run folder; with --check, the folder or zip of a submission.")],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write. [dim](default: submission in the run folder)[/dim]")
    ] = None,
    variant: OfVariant = None,
    check: Annotated[bool, typer.Option("--check", help="Check a submission instead of writing one.")] = False,
) -> int:
    """Write a submission to GLUE's leaderboard, or check one (status 1 if something is wrong).

    Example: zoo glue-submission runs/mine --variant bert-tiny
    """
    import zoo

    if check:
        wrong = zoo.check_glue_submission(run)
        print("\n".join(wrong) or "all files are as they must be")
        return 1 if wrong else 0
    submission = zoo.glue_submission(run, variant=variant, out=out)
    for source in submission.sources:
        print(source)
    ending({"to upload": submission.path}, f"zoo glue-submission {quoted(submission.path)} --check")
    return 0


def superglue_submission(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write. [dim](default: superglue-submission in the run folder)[/dim]"),
    ] = None,
    variant: OfVariant = None,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder with SuperGLUE's files. [dim](default: the one that the run used)[/dim]"),
    ] = None,
) -> int:
    """Write a submission to SuperGLUE's leaderboard, without ReCoRD.

    Example: zoo superglue-submission runs/mine --variant bert-tiny
    """
    import zoo

    submission = zoo.superglue_submission(run, variant=variant, out=out, data=data)
    for source in submission.sources:
        print(source)
    ending({"to upload": submission.path})
    return 0
