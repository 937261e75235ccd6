"""A run's results on a terminal and as a page of Markdown; made from saved results alone."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from zoo.core.files import write_text
from zoo.core.specs import Record, diff
from zoo.experiments.report.left_out import left_out_notes
from zoo.experiments.report.results_json import summary
from zoo.experiments.report.score_tables import cost_table, score_table, tabulate
from zoo.experiments.report.verdict_tables import between_variants, difference_table, finding_notes, tier_table
from zoo.experiments.results.records import FailedResult, Run
from zoo.experiments.statistics.costs import hardware, withheld
from zoo.experiments.statistics.selection import tuning_notes, tuning_table
from zoo.experiments.statistics.verdicts import Verdicts
from zoo.tables import Table, escape, markdown_rows, print_rows, printable

PLAIN_WIDTH = 250
"""Columns of text that no terminal bounds."""


MOST_COLUMNS = 5
"""Variants that stand side by side; more have a row each."""


def main_tables(run: Run, found: Verdicts) -> list[Table]:
    """Scores and costs, in one table while it is not too wide."""
    if len(run.plan.variants) <= MOST_COLUMNS:
        return [tabulate(run, found)]
    return [score_table(run, found), cost_table(run)]


def print_table(run: Run, found: Verdicts, console: Console) -> None:
    """Scores and tiers on a terminal, then what they must not be read without."""
    for table in main_tables(run, found):
        print_rows(table, console, line_after=None if table.corner else len(run.plan.tasks) - 1)
    if between_variants(found):
        print_rows(tier_table(found), console)
    if (tried_table := tuning_table(run)).rows:
        print_rows(tried_table, console)
    for note in notes(run, found):
        console.print(Text(printable(note)))


def plain(run: Run, found: Verdicts) -> str:
    """What `print_table` prints, as text."""
    text = StringIO()
    print_table(run, found, Console(file=text, width=PLAIN_WIDTH))
    return text.getvalue()


def write_report(run: Run, found: Verdicts, folder: Path) -> None:
    """Write results.json and report.md into a run folder."""
    write_text(folder / "results.json", json.dumps(summary(run, found), indent=1) + "\n")
    write_text(folder / "report.md", markdown(run, found))


def markdown(run: Run, found: Verdicts) -> str:
    """The report as a page of Markdown."""
    lines = [f"# {escape(title(run))}", ""]
    for table in main_tables(run, found):
        lines += [*markdown_rows(table), ""]
    if between_variants(found):
        lines += [*markdown_rows(tier_table(found)), ""]
    lines += [*(f"- {escape(note)}" for note in notes(run, found)), ""]
    if (tried_table := tuning_table(run)).rows:
        lines += ["## Settings tried", "", *markdown_rows(tried_table), ""]
    if between_variants(found):
        lines += ["## Differences", "", *markdown_rows(difference_table(found)), ""]
    lines += ["## What was compared", ""]
    first, *others = run.plan.variants
    head = f"head {_fields(first.head)}; " if all(other.head == first.head for other in others) else ""
    lines += [f"Common to all: {head}tokens, seeds and data as above.", ""]
    for other in others:
        differences = diff(first, other)
        differences.pop("paper", None)
        lines += [f"From {escape(first.name)} to {escape(other.name)}:", ""]
        lines += [f"- `{path}`: {escape(str(a))} → {escape(str(b))}" for path, (a, b) in differences.items()] + [""]
    lines += ["## Settings", ""]
    for variant in run.plan.variants:
        parts = {"start": variant.init, "pre-training": variant.pretraining, "fine-tuning": variant.finetuning}
        lines += [f"- {escape(variant.name)}: " + "; ".join(f"{name} {_fields(part)}" for name, part in parts.items())]
    lines += ["", "## Where it was made", "", *(f"- {escape(line)}" for line in where(run)), ""]
    lines += ["## How to repeat it", "", *(f"1. {escape(line)}" for line in repeat(run)), ""]
    return "\n".join(lines)


def title(run: Run) -> str:
    """What a report is called."""
    names = [variant.name for variant in run.plan.variants]
    return f"Comparison of {', '.join(names)}" if len(names) <= MOST_COLUMNS else f"Comparison of {len(names)} variants"


def repeat(run: Run) -> list[str]:
    """What to do to have the same results again, or to doubt them."""
    folder = run.plan.data_folder
    return [
        "Install the versions above; the same instruction set and number of threads give the same bits.",
        *([f"Have the tasks' files in {folder}, or say where they are with --glue."] if folder else []),
        "Save the plan as plan.json and run: zoo compare --plan plan.json --out again",
        "Check that this run's numbers follow from its predictions: zoo verify RUN",
    ]


def where(run: Run) -> list[str]:
    """The environments of the results."""
    seen = {
        result.environment.model_dump_json(): result.environment
        for result in run.results
        if not isinstance(result, FailedResult)
    }
    lines = []
    for place in seen.values():
        libraries = ", ".join(f"{name} {version}" for name, version in place.libraries.items())
        plugins = ", ".join(f"{name} {version}" for name, version in place.plugins.items())
        lines += [
            f"zoo {place.zoo}; Python {place.python}; {libraries}",
            f"plugins: {plugins}",
            f"{place.platform}, {place.processors} processors: {place.hardware}",
        ]
    return lines


def protocol(run: Run) -> str:
    """What the scores are."""
    origin = "each pre-trained" if run.plan.pretrain_each_seed else "all fine-tuned from one pre-training"
    seeds = f"{len(run.plan.seeds)} seeds, {origin}"
    return f"Scores are mean ± standard deviation over {seeds}, on dev, after the last step, x 100."


def notes(run: Run, found: Verdicts) -> list[str]:
    """What the tables must not be read without."""
    plan = run.plan
    synthetic = [task.name for task in plan.tasks if task.synthetic]
    own = [variant for variant in plan.variants if variant.name not in plan.checkpoints]
    lines = [protocol(run)]
    if own:
        lines.append(f"Pre-trained on {plan.corpus.description}: {own[0].pretraining.tokens:,} tokens each.")
    lines += [
        f"{name} starts from the pre-training of {origin}: they differ in nothing that it depends on."
        for name, origin in plan.origins.items()
        if name != origin and name not in plan.checkpoints
    ]
    for name, start in plan.checkpoints.items():
        lines.append(f"{name} is not pre-trained here but starts from {start.folder}, hash {start.content_hash[:12]}.")
    if synthetic:
        lines.append(
            f"Synthetic: {', '.join(synthetic)}. They show differences of design, not of language understanding."
        )
    lines += left_out_notes(run)
    machines = hardware(run)
    if len(machines) > 1:
        told = "withheld, for they were" if withheld(run) else "compared as asked, though they were"
        lines.append(f"Times and memory are {told} measured on different machines: {'; '.join(machines)}.")
    lines += tuning_notes(run)
    lines += finding_notes(found)
    lines += [f"Failed: {failure.job.name}: {failure.reason}" for failure in run.failures]
    return lines


def _fields(record: Record) -> str:
    return ", ".join(f"{name} {value}" for name, value in record.model_dump().items())
