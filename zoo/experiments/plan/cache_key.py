"""A hash of everything that a job's result depends on: equal keys mean that the result can be reused."""

from __future__ import annotations

from zoo.experiments.plan.inputs import Inputs
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.planned import hash_json
from zoo.machine.environment import Environment


def cache_key(plan: Plan, job: Job, place: Environment) -> str:
    """A SHA-256 of everything that can change a job's result: work, data, code and machine.

    Names of variants and tasks are not part of it.
    """
    return hash_json({"inputs": _inputs(plan, job), "place": place.model_dump(exclude={"processors"})})


def model_keys(plan: Plan, task: str) -> dict[str, str]:
    """By variant, a hash of everything that its scores on a task depend on: equal hashes mean the same model."""
    by_seed: dict[str, dict[int, list[Inputs]]] = {variant.name: {} for variant in plan.variants}
    for job in plan.jobs:
        if job.system in by_seed and job.task == task:
            by_seed[job.system].setdefault(job.seed, []).append(_inputs(plan, job))
    return {name: hash_json(next(iter(found.values()))) for name, found in by_seed.items()}


def _inputs(plan: Plan, job: Job) -> Inputs:
    needed = [_inputs(plan, other) for other in plan.needs(job)]
    made: Inputs = {"kind": job.kind, "seed": job.seed, "precision": plan.compute.precision, "needs": needed}
    return made | kind_of(job).inputs(plan, job)
