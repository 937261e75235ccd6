"""What more seeds of a run would cost, and the command that adds them."""

from __future__ import annotations

import shlex

from zoo.document import Made
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun

FIXED = ("--plan", "--resume", "--until-decided")
"""Options with which a command cannot be given other seeds, or adds them itself."""


def more_seeds(run: ComparisonRun, made: Made | None, n_seeds: int) -> str:
    """What it takes to have so many seeds, in a sentence."""
    n_more = n_seeds - len(run.plan.seeds)
    seconds = None if n_more < 1 else _seconds(run, n_more)
    if seconds is None:
        return ""
    command = _command(made, n_seeds)
    take = "takes" if n_more == 1 else "take"
    return f"{n_more} more {take} about {duration(seconds)} of computing{command and f': {command}'}"


def seconds_by_cell(run: ComparisonRun) -> dict[tuple[str, str | None], list[float]]:
    """What each fine-tuning has taken, by variant and task."""
    found: dict[tuple[str, str | None], list[float]] = {}
    for result in run.results:
        if isinstance(result, TaskResult) and result.job.system in run.plan.finetuned:
            found.setdefault((result.job.system, result.job.task), []).append(result.cost.seconds)
    return found


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours."""
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:,.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"


def _seconds(run: ComparisonRun, n_more: int) -> float | None:
    """Of all that one seed takes, so many times; None if nothing of it was measured."""
    tuned = [r for r in run.results if isinstance(r, TaskResult) and r.job.system in run.plan.finetuned]
    seeds: dict[tuple[str, str | None], set[int]] = {}
    for result in tuned:
        seeds.setdefault((result.job.system, result.job.task), set()).add(result.job.seed)
    of_seed = sum(r.cost.seconds / len(seeds[r.job.system, r.job.task]) for r in tuned)
    own = run.pretrained_results if run.plan.pretrain_each_seed else ()
    return n_more * (of_seed + sum(r.cost.seconds for r in own) / len(run.plan.seeds)) if tuned else None


def _command(made: Made | None, n_seeds: int) -> str:
    """The command that made the run, with more seeds, which extends the run; empty if that cannot be said."""
    words = shlex.split(made.command) if made else []
    names = [word.partition("=")[0] for word in words]
    if words[:2] != ["zoo", "compare"] or {*FIXED} & {*names}:
        return ""
    kept = [w for w, name, before in zip(words, names, ["", *words], strict=False) if "--seeds" not in (name, before)]
    reused = [] if "--out" in names else ["--reuse", "runs"]
    return shlex.join([*kept, "--seeds", f"{n_seeds}", *reused])
