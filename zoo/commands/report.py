"""`zoo report` and `zoo verify`: what they are asked; what they do is imported when it is."""

from __future__ import annotations

import json
import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zoo.experiments.verify.files import Check


class Format(StrEnum):
    """What a report can be."""

    terminal = "terminal"
    markdown = "markdown"
    csv = "csv"
    json = "json"
    html = "html"
    latex = "latex"


AcrossHardware = Annotated[
    bool, typer.Option("--across-hardware", help="Compare times and memory even if different machines measured them.")
]


def report(
    run: Annotated[Path, typer.Argument(help="A run folder that `zoo compare` made.")],
    form: Annotated[Format, typer.Option("--format", help="What to make.")] = Format.terminal,
    out: Annotated[Path | None, typer.Option(help="Write to this file, not to the terminal.")] = None,
    across_hardware: AcrossHardware = False,
) -> None:
    """Report on a run from its saved results alone."""
    from rich.console import Console

    from zoo.core.files import write_text
    from zoo.experiments.report import build as reports
    from zoo.experiments.report import results_json as published
    from zoo.experiments.report.ablation import effects_markdown, plain_effects, print_effects
    from zoo.experiments.report.html import html
    from zoo.experiments.report.latex import latex
    from zoo.experiments.results.folder import read_run
    from zoo.experiments.statistics.ablation import effects, read_ablation
    from zoo.experiments.statistics.verdicts import compare_systems

    done = read_run(run).model_copy(update={"across_hardware": across_hardware})
    found = compare_systems(done)
    edges = effects(done, kept) if (kept := read_ablation(run, done.plan)) else None
    if form is Format.terminal and out is None:
        console = Console(width=None if sys.stdout.isatty() else reports.PLAIN_WIDTH)
        reports.print_table(done, found, console)
        if edges:
            print_effects(done, edges, console)
        return
    made = {
        Format.terminal: lambda: reports.plain(done, found) + (plain_effects(done, edges) if edges else ""),
        Format.markdown: lambda: reports.markdown(done, found) + (effects_markdown(done, edges) if edges else ""),
        Format.csv: lambda: published.csv_rows(done),
        Format.json: lambda: json.dumps(published.summary(done, found, costs=True), indent=1) + "\n",
        Format.html: lambda: html(done, found),
        Format.latex: lambda: latex(done, found),
    }[form]()
    if out is None:
        print(made, end="")
    else:
        write_text(out, made)


class Depth(StrEnum):
    """How deep a run is checked."""

    files = "files"
    models = "models"
    training = "training"


def verify(
    run: Annotated[Path, typer.Argument(help="A run folder that `zoo compare` made, or its results.json.")],
    depth: Annotated[
        Depth,
        typer.Option(help="Score what is stored again; let the kept models predict again, too; or train again, too."),
    ] = Depth.files,
    seeds: Annotated[int, typer.Option(min=1, help="How many of the seeds to train again.")] = 3,
    within: Annotated[float, typer.Option(min=0.0, help="Points that make no difference, when trained again.")] = 1.0,
    workers: Annotated[int, typer.Option(min=0, max=256, help="Processes; 0 works in this one.")] = 2,
) -> int:
    """Check a run's published numbers: confirmed, contradicted (status 1) or not decidable."""
    from zoo.experiments.verify.files import verify as check

    folder = run.parent if run.name == "results.json" else run
    checks = check(folder)
    if depth is not Depth.files:
        checks += _tried_again(folder, depth, seeds, within, workers)
    for found in checks:
        if found.finding != "confirmed" or (depth is Depth.training and "trained again" in found.where):
            print(f"{found.finding}: {found.where}: {found.detail}")
    counts = Counter(found.finding for found in checks)
    print(", ".join(f"{name} {counts[name]:,}" for name in ("confirmed", "contradicted", "not decidable")))
    return 1 if counts["contradicted"] else 0


def _tried_again(folder: Path, depth: Depth, seeds: int, within: float, workers: int) -> list[Check]:
    from tempfile import TemporaryDirectory

    from rich.console import Console

    from zoo.experiments.results.folder import read_what_is_sound
    from zoo.experiments.runner.progress import Display
    from zoo.experiments.verify.rerun import evaluated_again, repeated_plan, trained_again
    from zoo.registry.catalog import Catalog

    catalog, (done, _) = Catalog.installed(), read_what_is_sound(folder)  # what is damaged was told by then
    checks = list(evaluated_again(done, folder, catalog))
    if depth is Depth.training:
        plan = repeated_plan(done.plan, seeds)
        with TemporaryDirectory() as stage, Display(plan, Console(stderr=True)) as display:
            checks += trained_again(done, plan, Path(stage) / "run", catalog, within, workers, display)
    return checks


def submit(
    run: Annotated[Path, typer.Argument(help="A run folder that `zoo compare` made; with --check, a submission.")],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to; `submission` in the run folder if none.")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="Whose predictions; needed where the run has several.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the files of a submission, in a folder or a zip.")
    ] = False,
) -> int:
    """Write the files that GLUE's leaderboard takes; status 1 where --check finds something wrong."""
    from zoo.experiments.results.folder import read_run
    from zoo.experiments.submission import glue as submission
    from zoo.experiments.submission.write import submit as write

    if check:
        wrong = submission.check(run)
        print("\n".join(wrong) or f"all {len(submission.FILES)} files are as they must be")
        return 1 if wrong else 0
    folder = out or run / "submission"
    for source in write(read_run(run), variant, folder):
        print(source)
    print(f"to upload: {folder / 'submission.zip'}")
    return 0
