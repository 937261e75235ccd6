"""What more seeds of a run would cost, and the command that adds them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from zoo.document import Made
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun

REPLACED = ("--seeds", "--out", "--reuse")
"""Options of the command that made a run, each with a value, that are others in the one that adds seeds."""

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
    """The command that made the run, with more seeds and its results; empty if that cannot be said."""
    words = shlex.split(made.command) if made else []
    if words[:2] != ["zoo", "compare"] or {*FIXED} & {word.split("=")[0] for word in words}:
        return ""
    folder = _value(words, "--out") or "runs"
    kept = [word for place, word in enumerate(words) if not _replaced(words, place)]
    return shlex.join([*kept, "--seeds", f"{n_seeds}", "--reuse", folder])


def _replaced(words: Sequence[str], place: int) -> bool:
    return words[place].split("=")[0] in REPLACED or (place > 0 and words[place - 1] in REPLACED)


def _value(words: Sequence[str], option: str) -> str | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.split("=")[0] == option:
            return word.partition("=")[2] or following
    return None
