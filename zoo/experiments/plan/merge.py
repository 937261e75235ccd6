"""Plans of several machines merged, if they are of one comparison."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from pydantic import ValidationError

from zoo.core.diff import diff
from zoo.core.errors import ZooError, explain
from zoo.core.specs import Record
from zoo.experiments.plan.make import refuse_unequal
from zoo.experiments.plan.plan import Plan
from zoo.registry.search_grids import Tuning, alike

Kept = TypeVar("Kept", bound=Record)

SAME = (
    "pretraining_seed",
    "pretrain_each_seed",
    "corpus_hash",
    "compute.precision",
    "held_out",
    "evaluate_at",
    "equal",
    "keep_probabilities",
    "claims.looks",
)
"""Fields that must be equal in all plans."""


def merged_plan(plans: Mapping[str, Plan]) -> Plan:
    """All variants, tasks, seeds and settings, by the names that errors give the plans.

    Raises ZooError if their tasks, data, budgets or recipes differ, and says in what.
    """
    named = list(plans.items())
    for other in named[1:]:
        _refuse_other_settings(named[0], other)
    variants = _united(plans, "variant", lambda plan: {v.name: v for v in plan.trained})
    compared = {name for plan in plans.values() for name in plan.names}
    first = next((plan for plan in plans.values() if plan.corpus_hash), named[0][1])
    fields: dict[str, Any] = {
        "variants": tuple(variant for name, variant in variants.items() if name in compared),
        "teachers": tuple(variant for name, variant in variants.items() if name not in compared),
        "tasks": tuple(_united(plans, "task", lambda plan: {t.name: t for t in plan.tasks}).values()),
        "seeds": tuple(sorted({seed for plan in plans.values() for seed in plan.seeds})),
        "task_steps": {task: steps for plan in plans.values() for task, steps in plan.task_steps.items()},
        "tuning": _united_tuning(plans),
        "synonyms": {path: its for plan in plans.values() for path, its in plan.synonyms.items()},
        "checkpoints": _united(plans, "start of", lambda plan: plan.checkpoints, but="folder"),
    }
    try:
        merged = Plan.model_validate({**_fields(first), **fields})
    except ValidationError as error:
        raise ZooError(f"{' and '.join(plans)} are not of one comparison: {explain(error)}") from None
    trained = {name for name in merged.names if not merged.is_pretrained(name)}
    one_budget = merged.equal != "operations"
    refuse_unequal(merged.variants, trained, merged.evaluated, one_budget=one_budget)
    return merged


def _fields(plan: Plan) -> dict[str, Any]:
    """A plan's fields, without what was worked out from them."""
    return {name: getattr(plan, name) for name in Plan.model_fields}


def _refuse_other_settings(first: tuple[str, Plan], other: tuple[str, Plan]) -> None:
    (a, one), (b, two) = first, other
    found: dict[str, tuple[Any, Any]] = {
        name: (attrgetter(name)(one), attrgetter(name)(two))
        for name in SAME
        # A run whose variants all start from trained weights reads no corpus.
        if name != "corpus_hash" or (one.corpus_hash and two.corpus_hash)
    }
    shared = {task.name for task in one.tasks} & {task.name for task in two.tasks}
    found["fine-tuning steps"] = (_steps(one, shared), _steps(two, shared))
    for what, (left, right) in found.items():
        if left != right:
            raise ZooError(f"{a} and {b} are not of one comparison: {what} is {left} in one and {right} in the other")


def _steps(plan: Plan, tasks: Collection[str]) -> str:
    """The numbers of fine-tuning steps that replace the recipes' epochs, and those of tasks that have their own."""
    own = [f"{steps} on {task}" for task, steps in sorted(plan.task_steps.items()) if task in tasks]
    return ", ".join([" and ".join(sorted({str(v.finetuning.steps or "by epochs") for v in plan.variants})), *own])


def _united(
    plans: Mapping[str, Plan], what: str, of: Callable[[Plan], Mapping[str, Kept]], but: str = ""
) -> dict[str, Kept]:
    """All records by name. Raises ZooError if two of a name differ in a field `but` one."""
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
    """The settings of all tasks. Raises ZooError if two runs tried different ones, so that scores do not compare."""
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
