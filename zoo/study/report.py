"""A run's results as one table and a page of text; made from saved results alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from statistics import fmean, median, stdev

from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from zoo.files import write_text
from zoo.specs import Record, diff
from zoo.study.findings import between_variants, difference_table, finding_notes, tier_table
from zoo.study.plan import BASELINES
from zoo.study.results import FailedResult, FinetuneResult, Measured, PretrainResult, Run, fingerprint
from zoo.study.tables import MISSING, Table, escape, markdown_rows, print_rows
from zoo.study.verdicts import Verdicts

PLAIN_WIDTH = 250
"""Columns of text that no terminal bounds."""


def tabulate(run: Run) -> Table:
    """Scores by task, then sizes, speeds and memory."""
    variants = [variant.name for variant in run.plan.variants]
    systems = (*variants, *BASELINES)
    rows = [
        (_task_label(run, task.name), tuple(_score(run, system, task.name) for system in systems))
        for task in run.plan.tasks
    ]
    rows += [(label, (*values, *[MISSING] * len(BASELINES))) for label, values in _costs(run, variants)]
    return Table("", systems, tuple(rows))


def print_table(run: Run, found: Verdicts, console: Console) -> None:
    """Scores and tiers on a terminal, then what they must not be read without."""
    print_rows(tabulate(run), console, line_after=len(run.plan.tasks) - 1)
    if between_variants(found):
        print_rows(tier_table(found), console)
    for note in notes(run, found):
        console.print(Text(note))


def plain(run: Run, found: Verdicts) -> str:
    """What `print_table` prints, as text."""
    text = StringIO()
    print_table(run, found, Console(file=text, width=PLAIN_WIDTH))
    return text.getvalue()


def csv_rows(run: Run) -> str:
    """Every score of every finished run in a line of its own, not rounded."""
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("system", "task", "seed", "split", "metric", "score"))
    for result in run.results:
        if isinstance(result, FinetuneResult):
            cell = result.cell
            for split, scores in result.scores.items():
                lines.writerows(
                    (cell.system, cell.task, cell.seed, split, name, value) for name, value in scores.items()
                )
    return text.getvalue()


def write_report(run: Run, found: Verdicts, folder: Path) -> None:
    """Write results.json and report.md into a run folder."""
    write_text(folder / "results.json", json.dumps(summary(run, found), indent=1) + "\n")
    write_text(folder / "report.md", markdown(run, found))


def summary(run: Run, found: Verdicts) -> dict[str, JsonValue]:
    """Everything but predictions and curves, for other programs."""
    systems = [*(variant.name for variant in run.plan.variants), *BASELINES]
    finished = [result for result in run.results if not isinstance(result, FailedResult)]
    cells: list[JsonValue] = [
        {
            "name": result.cell.name,
            "fingerprint": fingerprint(result),
            **result.model_dump(mode="json", exclude={"predictions", "targets", "losses", "accuracies", "variant"}),
        }
        for result in finished
    ]
    scores: dict[str, JsonValue] = {
        system: {task.name: _headlines(run, system, task.name) for task in run.plan.tasks} for system in systems
    }
    failures: list[JsonValue] = [failure.model_dump(mode="json") for failure in run.failures]
    return {
        "format": 1,
        "plan_hash": run.plan.content_hash,
        "plan": run.plan.model_dump(mode="json"),
        "scores": scores,
        "statistics": found.model_dump(mode="json"),
        "cells": cells,
        "failures": failures,
    }


def markdown(run: Run, found: Verdicts) -> str:
    """The report as a page of Markdown."""
    lines = ["# Comparison of " + ", ".join(escape(variant.name) for variant in run.plan.variants), ""]
    lines += [*markdown_rows(tabulate(run)), ""]
    if between_variants(found):
        lines += [*markdown_rows(tier_table(found)), ""]
    lines += [*(f"- {escape(note)}" for note in notes(run, found)), ""]
    if between_variants(found):
        lines += ["## Differences", "", *markdown_rows(difference_table(found)), ""]
    lines += ["## What was compared", ""]
    first, *others = run.plan.variants
    lines += [f"Common to all: head {_fields(first.head)}; tokens, seeds and data as above.", ""]
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
    return "\n".join(lines)


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


def notes(run: Run, found: Verdicts) -> list[str]:
    """What the tables must not be read without."""
    plan = run.plan
    synthetic = [task.name for task in plan.tasks if task.synthetic]
    own = [variant for variant in plan.variants if variant.name not in plan.checkpoints]
    origin = "each pre-trained" if plan.pretrain_each_seed else "all fine-tuned from one pre-training"
    lines = [
        f"Scores are mean ± standard deviation over {len(plan.seeds)} seeds, {origin}, "
        "on dev, after the last step, x 100."
    ]
    if own:
        lines.append(f"Pre-trained on {plan.corpus.description}: {own[0].pretraining.tokens:,} tokens each.")
    for name, start in plan.checkpoints.items():
        lines.append(f"{name} is not pre-trained here but starts from {start.folder}, hash {start.content_hash[:12]}.")
    if synthetic:
        lines.append(
            f"Synthetic: {', '.join(synthetic)}. They show differences of design, not of language understanding."
        )
    cut = {r.cell.task: r.truncated for v in plan.variants for r in run.finetuned(v.name) if r.truncated > 0}
    lines += [f"{share:.0%} of {task}'s training items were cut to fit." for task, share in cut.items()]
    lines += finding_notes(found)
    lines += [f"Failed: {failure.cell.name}: {failure.reason}" for failure in run.failures]
    return lines


def _task_label(run: Run, name: str) -> str:
    results = [r for system in (*(v.name for v in run.plan.variants), *BASELINES) for r in run.finetuned(system, name)]
    metrics = " + ".join(next(iter(results[0].scores.values()))) if results else ""
    return f"{name} ({metrics})" if metrics else name


def _headlines(run: Run, system: str, task: str) -> JsonValue:
    values = [result.headline for result in run.finetuned(system, task)]
    if not values:
        return None
    return {"mean": fmean(values), "sd": stdev(values) if len(values) > 1 else None, "values": list(values)}


def _score(run: Run, system: str, task: str) -> str:
    values = [100 * result.headline for result in run.finetuned(system, task)]
    if not values:
        return "failed"
    expected = 1 if system in BASELINES else len(run.plan.seeds)
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    missing = f" ({len(values)} of {expected})" if len(values) < expected else ""
    return f"{fmean(values):.1f}{spread}{missing}"


def _costs(run: Run, variants: list[str]) -> Iterable[tuple[str, tuple[str, ...]]]:
    trained = [run.pretrained(name) for name in variants]
    tuned = [run.finetuned(name) for name in variants]
    yield "parameters stored", tuple(f"{r.parameters_stored:,}" if r else MISSING for r in trained)
    yield "parameters executed a token", tuple(f"{r.parameters_executed:,}" if r else MISSING for r in trained)
    yield "pre-training tokens/s", tuple(_rate([r.cost.tokens_per_s] if r else []) for r in trained)
    yield "fine-tuning examples/s", tuple(_rate([r.cost.training_examples_per_s for r in rs]) for rs in tuned)
    yield "inference items/s", tuple(_measured([r.cost.inference_items_per_s for r in rs]) for rs in tuned)
    yield "latency of one item, ms", tuple(_measured([r.cost.latency_s for r in rs], 1e3) for rs in tuned)
    yield "peak memory, MB", tuple(_peak([*([r] if r else []), *rs]) for r, rs in zip(trained, tuned, strict=True))
    yield "checkpoint, MB", tuple(f"{r.checkpoint_bytes / 1e6:.2f}" if r else MISSING for r in trained)


def _rate(values: list[float | None]) -> str:
    measured = [value for value in values if value is not None]
    return f"{median(measured):,.0f}" if measured else MISSING


def _measured(found: list[Measured | None], unit: float = 1.0) -> str:
    """The median over tasks and seeds, with the medians of the quartiles."""
    known = [measured for measured in found if measured]
    if not known:
        return MISSING
    middle, low, high = (unit * median(getattr(m, name) for m in known) for name in ("median", "low", "high"))
    digits = ",.0f" if low >= 100 else ".2f"
    return f"{middle:{digits}} ({low:{digits}} to {high:{digits}})"


def _peak(results: Sequence[PretrainResult | FinetuneResult]) -> str:
    peaks = [result.cost.peak_bytes for result in results]
    return f"{max(peaks) / 1e6:,.0f}" if peaks else MISSING


def _fields(record: Record) -> str:
    return ", ".join(f"{name} {value}" for name, value in record.model_dump().items())
