"""The common part of `zoo compare` and `zoo ablate` on the command line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import JsonValue

from zoo.commands.console import ending, print_json, print_rows, quoted, show, show_answer
from zoo.experiments.plan.options import FOLDER

if TYPE_CHECKING:
    from zoo.api.comparisons import Comparison
    from zoo.experiments.plan.plan import Plan
    from zoo.experiments.runner.estimate import Estimate

SavePlan = Annotated[
    Path | None,
    typer.Option(help="Write the plan to this file and stop. [dim](e.g. plan.json)[/dim]", rich_help_panel=FOLDER),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the jobs and estimate their cost, and stop.", rich_help_panel=FOLDER)
]


def experiment(
    planned: Callable[..., Plan],
    done: Callable[..., Comparison],
    save_plan: Path | None,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Write a plan, estimate it, or run it and print the results; status 1 if a job failed."""
    if save_plan is not None:
        return _save(planned(**given), save_plan)
    if dry_run:
        return _estimate(planned(**given), given, as_json)
    comparison = done(progress=True, command=shlex.join(["zoo", *sys.argv[1:]]), **given)
    if as_json:
        print_json(comparison.render("json"))
    else:
        show(comparison.document.brief)
        show_answer(comparison.document)
    assert comparison.folder is not None
    command = "ablate" if comparison.effects else "compare"
    ending(
        {"run folder": comparison.folder, "report": comparison.folder / "report.md"},
        *([f"zoo {command} --resume --out {quoted(comparison.folder)}"] if comparison.failures else []),
        f"zoo report {quoted(comparison.folder)} --format html --out report.html",
        f"zoo verify {quoted(comparison.folder)}",
    )
    return 1 if comparison.failures else 0


def _save(plan: Plan, path: Path) -> int:
    from zoo.core.files import write_text

    write_text(path, plan.model_dump_json(indent=1) + "\n")
    ending(
        {f"plan {plan.content_hash[:12]}, {len(plan.jobs)} jobs": path},
        f"zoo {'ablate' if plan.ablation else 'compare'} --plan {quoted(path)}",
    )
    return 0


def _estimate(plan: Plan, given: dict[str, Any], as_json: bool) -> int:
    import zoo

    how = {name: given[name] for name in ("catalog", "workers", "reuse", "out") if name in given}
    estimate = zoo.estimate(plan, **how)
    print_json(_answer(plan, estimate)) if as_json else _print(estimate)
    return 0


def _rows(estimate: Estimate) -> list[dict[str, JsonValue]]:
    return [
        {"job": work.job.name, "state": work.state, "seconds": round(work.seconds, 1) if work.seconds else None}
        for work in estimate.work
    ]


def _answer(plan: Plan, estimate: Estimate) -> dict[str, object]:
    return {
        "plan": plan.model_dump(mode="json"),
        "plan_hash": plan.content_hash,
        "jobs": _rows(estimate),
        "seconds": estimate.seconds,
        "least_seconds": estimate.least_seconds,
        "disk_bytes": estimate.disk_bytes,
        "memory_bytes": estimate.memory_bytes,
        "kept_since": estimate.kept_since,
    }


def _print(estimate: Estimate) -> None:
    from datetime import datetime

    from zoo.core.user_cache import cache_folder
    from zoo.experiments.runner.estimate import IF_UNDECIDED

    print_rows(_rows(estimate), as_json=False)
    least = sum(work.is_certain for work in estimate.work)
    most = least + sum(work.state == IF_UNDECIDED for work in estimate.work)
    jobs, time = f"{least}", _duration(estimate.least_seconds)
    if most > least:
        jobs, time = f"{least} to {most}", f"{time} to {_duration(estimate.seconds)}"
    print(
        f"{jobs} of {len(estimate.work)} jobs to do: about {time} with {_processes(estimate)}, "
        f"{estimate.disk_bytes / 1e6:,.1f} MB on disk, {estimate.memory_bytes / 1e6:,.0f} MB of memory "
        "per process"
    )
    if estimate.kept_since is not None:
        when = datetime.fromtimestamp(estimate.kept_since).strftime("%Y-%m-%d %H:%M")
        print(f"by costs of steps measured here since {when}; to measure again, delete {cache_folder('costs')}")


def _processes(estimate: Estimate) -> str:
    return f"{estimate.workers} processes" if estimate.workers > 1 else "one process"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
