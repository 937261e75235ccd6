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
    return hash_json({"inputs": _inputs(plan, job, {}), "place": _place(place)})


def cache_keys(plan: Plan, place: Environment) -> dict[str, str]:
    """The key of each job of a plan, by its name; what many jobs need is looked at once."""
    known, where = dict[Job, Inputs](), _place(place)
    return {job.name: hash_json({"inputs": _inputs(plan, job, known), "place": where}) for job in plan.jobs}


def model_keys(plan: Plan, task: str) -> dict[str, str]:
    """By variant, a hash of everything that its scores on a task depend on: equal hashes mean the same model."""
    by_seed: dict[str, dict[int, list[Inputs]]] = {variant.name: {} for variant in plan.variants}
    for job in plan.jobs:
        if job.system in by_seed and job.task == task:
            by_seed[job.system].setdefault(job.seed, []).append(_inputs(plan, job, {}))
    return {name: hash_json(next(iter(found.values()))) for name, found in by_seed.items()}


def _inputs(plan: Plan, job: Job, known: dict[Job, Inputs]) -> Inputs:
    """What a job's result depends on in its plan; `known` keeps it of the jobs that others need."""
    needed = []
    for other in plan.needs(job):
        if other not in known:
            known[other] = _inputs(plan, other, known)
        needed.append(known[other])
    made: Inputs = {"kind": job.kind, "seed": job.seed, "precision": plan.compute.precision, "needs": needed}
    return made | kind_of(job).inputs(plan, job)


def _place(place: Environment) -> Inputs:
    return place.model_dump(exclude={"processors"})
