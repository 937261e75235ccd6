"""What a job's result depends on, as one hash: where it is the same, the result need not be made again."""

from __future__ import annotations

from zoo.experiments.plan.inputs import Inputs, finetuning_inputs, head_inputs
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.spec import hash_json
from zoo.machine.environment import Environment


def cache_key(plan: Plan, job: Job, place: Environment) -> str:
    """A SHA-256 of all that can change a job's result: what is done, on which data, by which code, on what machine.

    No variant's or task's name is among it.
    """
    return hash_json({"inputs": _inputs(plan, job), "place": place.model_dump(exclude={"processors"})})


def model_keys(plan: Plan, task: str) -> dict[str, str]:
    """By variant, a hash of all that its scores on a task depend on: two of one key are the same model."""
    found: dict[str, list[Inputs]] = {variant.name: [] for variant in plan.variants}
    for job in plan.jobs:
        if job.kind == "finetune" and job.task == task and job.seed == plan.seeds[0]:
            found[job.system].append(_inputs(plan, job))
    return {name: hash_json(inputs) for name, inputs in found.items()}


def _inputs(plan: Plan, job: Job) -> Inputs:
    made: Inputs = {"kind": job.kind, "seed": job.seed, "precision": plan.precision}
    if job.kind == "pretrain":
        return made | {"start": plan.start_of(job.system)}
    task = next(task for task in plan.tasks if task.name == job.task)
    made |= {"task": task.model_dump(exclude={"name"})}
    if job.kind == "baseline":
        return made | {"baseline": job.system}
    return made | {
        "from": _inputs(plan, plan.pretraining_of(job)),
        "recipe": finetuning_inputs(plan.finetuning_of(job)),
        "head": head_inputs(plan.variant(job.system).head, task.pair),
    }
