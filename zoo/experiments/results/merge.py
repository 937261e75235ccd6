"""Runs of several machines as one, if they are of one comparison."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from zoo.core.errors import ZooError, explain
from zoo.core.files import write_text
from zoo.core.specs import Record, diff
from zoo.experiments.plan.make import refuse_unequal
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.folder import write_result
from zoo.experiments.results.gold_labels import write_gold
from zoo.experiments.results.records import NOT_REPEATED, FailedResult, ModelResult, TaskResult, fingerprint, renamed
from zoo.experiments.results.run import ComparisonRun
from zoo.registry.search_grids import Tuning, alike

Kept = TypeVar("Kept", bound=Record)

SAME = ("pretraining_seed", "pretrain_each_seed", "corpus_hash", "compute.precision", "held_out")
"""What all plans must have in common besides what they share by name."""


def merge(runs: Mapping[str, ComparisonRun]) -> ComparisonRun:
    """All that was found, by the names that errors give the runs. What two of them did must have come out the same.

    Raises ZooError where their tasks, data, budgets, recipes or results differ, and says in what.
    """
    named = list(runs.items())
    for name, run in named[1:]:
        _refuse_other_settings(named[0], (name, run))
    first = next((run.plan for _, run in named if run.plan.corpus_hash), named[0][1].plan)
    plans = {name: run.plan for name, run in named}
    fields: dict[str, Any] = {
        "variants": tuple(_united(plans, "variant", lambda plan: {v.name: v for v in plan.variants}).values()),
        "tasks": tuple(_united(plans, "task", lambda plan: {t.name: t for t in plan.tasks}).values()),
        "seeds": tuple(sorted({seed for plan in plans.values() for seed in plan.seeds})),
        "tuning": _united_tuning(plans),
        "checkpoints": _united(plans, "start of", lambda plan: plan.checkpoints, but="folder"),
    }
    try:
        merged = Plan.model_validate({**dict(first), **fields})
    except ValidationError as error:
        raise ZooError(f"{' and '.join(runs)} are not of one comparison: {explain(error)}") from None
    refuse_unequal(merged.variants, set(merged.checkpoints), merged.evaluated)
    found = _results(runs, merged)
    gold = {task: answers for run in runs.values() for task, answers in run.gold.items()}
    return ComparisonRun(
        plan=merged, results=tuple(found[job.name] for job in merged.jobs if job.name in found), gold=gold
    )


def write_merged(run: ComparisonRun, folder: Path) -> None:
    """The plan and the jobs as a run folder, without checkpoints. Raises ZooError where something is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(f"{folder} is not empty; give another --out for the runs together")
    (folder / "jobs").mkdir(parents=True)
    for result in run.results:
        write_result(folder, result)
    for task, answers in run.gold.items():
        write_gold(folder, run.plan.task(task), answers)
    write_text(folder / "plan.json", run.plan.model_dump_json(indent=1))


def _refuse_other_settings(first: tuple[str, ComparisonRun], other: tuple[str, ComparisonRun]) -> None:
    (a, one), (b, two) = first, other
    found: dict[str, tuple[Any, Any]] = {
        name: (attrgetter(name)(one.plan), attrgetter(name)(two.plan))
        for name in SAME
        # A run whose variants all start from trained weights reads no corpus.
        if name != "corpus_hash" or (one.plan.corpus_hash and two.plan.corpus_hash)
    }
    found["fine-tuning steps"] = (_steps(one.plan), _steps(two.plan))
    for what, (left, right) in found.items():
        if left != right:
            raise ZooError(f"{a} and {b} are not of one comparison: {what} is {left} in one and {right} in the other")


def _steps(plan: Plan) -> str:
    """The numbers of fine-tuning steps that take the place of the recipes' epochs."""
    return " and ".join(sorted({str(v.finetuning.steps or "by epochs") for v in plan.variants}))


def _united(
    plans: Mapping[str, Plan], what: str, of: Callable[[Plan], Mapping[str, Kept]], but: str = ""
) -> dict[str, Kept]:
    """All records by name. Raises ZooError where two of a name differ in a field `but` one."""
    found: dict[str, Kept] = {}
    origin: dict[str, str] = {}
    for run, plan in plans.items():
        for name, record in of(plan).items():
            before = found.setdefault(name, record)
            differing = [
                f"{path} ({left} and {right})" for path, (left, right) in diff(before, record).items() if path != but
            ]
            if differing:
                raise ZooError(f"{what} {name!r} is not the same in {origin[name]} and {run}: {'; '.join(differing)}")
            origin.setdefault(name, run)
    return found


def _united_tuning(plans: Mapping[str, Plan]) -> Tuning | None:
    """The settings of all tasks. Raises ZooError where two runs tried others, for their scores do not compare."""
    (first, plan), *others = plans.items()
    merged = plan.tuning
    for name, other in ((name, plan.tuning) for name, plan in others):
        if not alike(merged, other):
            tried = [tuning.name if tuning else "none" for tuning in (merged, other)]
            raise ZooError(
                f"{first} and {name} are not of one comparison: the settings of fine-tuning are {tried[0]} in one "
                f"and {tried[1]} in the other, or not the same"
            )
        if merged and other:
            merged = merged.model_copy(update={"settings": merged.settings | other.settings})
    return merged


def _results(runs: Mapping[str, ComparisonRun], plan: Plan) -> dict[str, ModelResult | TaskResult | FailedResult]:
    """By job; what was finished somewhere takes the place of what failed elsewhere.

    A pre-training that another run has done under another name is that of the plan that it belongs to now.
    """
    found: dict[str, ModelResult | TaskResult | FailedResult] = {}
    origin: dict[str, str] = {}
    for name, run in runs.items():
        for made in run.results:
            shared = made.job.task is None
            result = renamed(made, plan, plan.start_job(made.job.system, made.job.seed)) if shared else made
            before = found.get(result.job.name)
            if before is None or isinstance(before, FailedResult):
                found[result.job.name], origin[result.job.name] = result, name
            elif not isinstance(result, FailedResult) and fingerprint(before) != fingerprint(result):
                differing = ", ".join(_differing(before, result))
                raise ZooError(
                    f"{origin[result.job.name]} and {name} have both done {result.job.name}, with other {differing}; "
                    "leave one of the two out"
                )
    return found


def _differing(one: Record, other: Record) -> Sequence[str]:
    """The fields of a result that should repeat and don't."""
    sides = [json.loads(side.model_dump_json(exclude=set(NOT_REPEATED))) for side in (one, other)]
    return [field for field in sides[0] if sides[0][field] != sides[1].get(field)]
