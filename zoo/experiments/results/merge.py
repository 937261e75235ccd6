"""Runs of several machines merged, if they are of one comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.core.files import write_text
from zoo.core.specs import Record
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.merge import merged_plan
from zoo.experiments.plan.model_jobs import Adapt, adapted_start
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.folder import write_result
from zoo.experiments.results.gold_labels import write_gold
from zoo.experiments.results.records import NOT_REPEATED, FailedResult, ModelResult, TaskResult, fingerprint, renamed
from zoo.experiments.results.run import ComparisonRun


def merge(runs: Mapping[str, ComparisonRun]) -> ComparisonRun:
    """All results, given runs by the names used in errors. Jobs that two runs did must have equal results.

    Raises ZooError if their tasks, data, budgets, recipes or results differ, and says in what.
    """
    merged = merged_plan({name: run.plan for name, run in runs.items()})
    found = _results(runs, merged)
    return ComparisonRun(
        plan=merged,
        results=tuple(found[job.name] for job in merged.jobs if job.name in found),
        gold={task: answers for run in runs.values() for task, answers in run.gold.items()},
        groups={task: sets for run in runs.values() for task, sets in run.groups.items()},
    )


def write_merged(run: ComparisonRun, folder: Path) -> None:
    """The plan and the jobs as a run folder, without checkpoints. Raises ZooError if something is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(f"{folder} is not empty; give another --out for the merged run")
    (folder / "jobs").mkdir(parents=True)
    for result in run.results:
        write_result(folder, result)
    for task, answers in run.gold.items():
        write_gold(folder, run.plan.task(task), answers, run.groups.get(task))
    write_text(folder / "plan.json", run.plan.model_dump_json(indent=1))


def _results(runs: Mapping[str, ComparisonRun], plan: Plan) -> dict[str, ModelResult | TaskResult | FailedResult]:
    """By job; a finished result replaces a failure elsewhere.

    A pre-training done under another name gets its name in the merged plan.
    """
    found: dict[str, ModelResult | TaskResult | FailedResult] = {}
    origin: dict[str, str] = {}
    for name, run in runs.items():
        for made in run.results:
            shared = _shared(plan, made.job)
            result = renamed(made, plan, shared) if shared else made
            before = found.get(result.job.name)
            if before is None or isinstance(before, FailedResult):
                found[result.job.name], origin[result.job.name] = result, name
            elif not isinstance(result, FailedResult) and fingerprint(before) != fingerprint(result):
                differing = ", ".join(_differing(before, result))
                raise ZooError(
                    f"{origin[result.job.name]} and {name} both did {result.job.name}, with different {differing}; "
                    "leave one of the two out"
                )
    return found


def _shared(plan: Plan, job: Job) -> Job | None:
    """The plan's job that makes the same model, if it is one from which fine-tunings start."""
    if job.kind == Adapt.name:
        return adapted_start(plan, job.system, str(job.task), job.seed)
    return plan.start_job(job.system, job.seed, job.at) if job.task is None else None


def _differing(one: Record, other: Record) -> Sequence[str]:
    """The fields of a result that should be equal and are not."""
    sides = [json.loads(side.model_dump_json(exclude=set(NOT_REPEATED))) for side in (one, other)]
    return [field for field in sides[0] if sides[0][field] != sides[1].get(field)]
