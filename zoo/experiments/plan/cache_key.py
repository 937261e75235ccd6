"""What a cell's result depends on, as one hash: where it is the same, the result need not be made again."""

from __future__ import annotations

from zoo.experiments.plan.inputs import Inputs, finetuning_inputs, head_inputs
from zoo.experiments.plan.plan import Cell, Plan, hash_json
from zoo.machine.environment import Environment


def cell_key(plan: Plan, cell: Cell, place: Environment) -> str:
    """A SHA-256 of all that can change a cell's result: what is done, on which data, by which code, on what machine.

    No variant's or task's name is among it.
    """
    return hash_json({"inputs": _inputs(plan, cell), "place": place.model_dump(exclude={"processors"})})


def model_keys(plan: Plan, task: str) -> dict[str, str]:
    """By variant, a hash of all that its scores on a task depend on: two of one key are the same model."""
    found: dict[str, list[Inputs]] = {variant.name: [] for variant in plan.variants}
    for cell in plan.cells:
        if cell.kind == "finetune" and cell.task == task and cell.seed == plan.seeds[0]:
            found[cell.system].append(_inputs(plan, cell))
    return {name: hash_json(inputs) for name, inputs in found.items()}


def _inputs(plan: Plan, cell: Cell) -> Inputs:
    made: Inputs = {"kind": cell.kind, "seed": cell.seed, "precision": plan.precision}
    if cell.kind == "pretrain":
        return made | {"start": plan.start_of(cell.system)}
    task = next(task for task in plan.tasks if task.name == cell.task)
    made |= {"task": task.model_dump(exclude={"name"})}
    if cell.kind == "baseline":
        return made | {"baseline": cell.system}
    return made | {
        "from": _inputs(plan, plan.pretraining_of(cell)),
        "recipe": finetuning_inputs(plan.finetuning_of(cell)),
        "head": head_inputs(plan.variant(cell.system).head, task.pair),
    }
