"""What a cell's result depends on, as one hash: where it is the same, the result need not be made again."""

from __future__ import annotations

from zoo.study.environment import Environment
from zoo.study.plan import Cell, Plan, hash_json

_LATER = {"finetuning", "head", "paper"}
"""What a variant's pre-training does not look at."""


def cell_key(plan: Plan, cell: Cell, place: Environment) -> str:
    """A SHA-256 of all that can change a cell's result: what is done, on which data, by which code, on what machine."""
    return hash_json(_ingredients(plan, cell, place))


def _ingredients(plan: Plan, cell: Cell, place: Environment) -> dict[str, object]:
    made: dict[str, object] = {"cell": cell.model_dump(), "place": place.model_dump(exclude={"processors"})}
    made["precision"] = plan.precision
    if cell.task is not None:
        made["task"] = next(task for task in plan.tasks if task.name == cell.task).model_dump()
    if cell.kind == "baseline":
        return made
    variant = plan.variant(cell.system)
    if cell.kind == "finetune":
        origin = cell_key(plan, plan.pretraining_of(cell), place)
        return made | {"variant": variant.model_dump(mode="json"), "from": origin}
    start = plan.checkpoints.get(cell.system)
    return made | {
        "variant": variant.model_dump(mode="json", exclude=_LATER),
        "text": start.content_hash if start else plan.corpus_hash,
    }
