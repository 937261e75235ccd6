"""Checking a run's models, and models trained again, against the run's results."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, variance
from typing import Any

from zoo.checkpoints import load
from zoo.core.errors import ZooError
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.make import check_plan
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import TaskResult, fingerprint
from zoo.experiments.results.run import ComparisonRun, best_setting
from zoo.experiments.runner.run import Watcher, run
from zoo.experiments.statistics.error import critical_t
from zoo.experiments.verify.files import Check
from zoo.inference.predict_task import class_order, decoded, in_order
from zoo.inference.predict_text import head_for_text
from zoo.inference.text_scores import preferred
from zoo.machine.compute import Compute, chosen_device
from zoo.machine.environment import environment
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import TaskKind, task_kind
from zoo.train.finetune import logits_of

log = logging.getLogger("zoo")

ALPHA = 0.05

ROUNDING = 1e-3
"""How far probabilities of the same model may be off elsewhere."""

TIES = 0.01
"""The share of items whose prediction may differ on other hardware."""


def again_on(plan: Plan, device: str | None) -> Compute:
    """Where to compute again: on the device asked for, else the run's, else the CPU, which is logged.

    Raises ZooError if the device that was asked for is missing.
    """
    if device is not None:
        return plan.compute.model_copy(update={"device": chosen_device(device)})
    here = plan.compute.here()
    if here != plan.compute:
        log.warning(f"the run computed on {plan.compute.device}, which is not here; computing again on {here.device}")
    return here


def reevaluate(done: ComparisonRun, folder: Path, catalog: Catalog, compute: Compute | None = None) -> Iterator[Check]:
    """Predict the development items again with every stored fine-tuned model, where the run did if nothing is said."""
    compute = compute or again_on(done.plan, None)
    data = Path(done.plan.data_folder) if done.plan.data_folder else None
    catalog = catalog.with_tasks(done.plan.own_tasks)
    here = environment(catalog, compute)
    compute.begin()
    for result in done.results:
        where = model_folder(done.plan, result.job)
        if not isinstance(result, TaskResult):
            continue
        if where is None:
            if result.compression is not None:
                what = "a quantized model is a program, which no run keeps; --depth training makes it again"
                yield Check(result.job.name, "not decidable", what)
            continue
        try:
            again = _answered_again(done.plan, result, folder / where, data, catalog, compute)
            for split, predictions, probabilities in again:
                same_place = here.deterministic and here.hardware == result.environment.hardware
                kind, recorded = task_kind(done.plan.task(str(result.job.task))), result.predictions[split]
                yield _equal_predictions(kind, f"{where}: {split}", recorded, predictions, same_place)
                if split in result.probabilities:
                    stored = result.probabilities[split]
                    yield _near(f"{where}: {split}, probabilities", stored, probabilities, same_place)
        except _CannotTell as error:
            yield Check(where, "not decidable", str(error))
        except ZooError as error:
            yield Check(where, "contradicted", f"{error!s:.300}")


class _CannotTell(Exception):
    """Why a model cannot predict again."""


def _answered_again(
    plan: Plan, result: TaskResult, place: Path, data: Path | None, catalog: Catalog, compute: Compute
) -> Iterator[tuple[str, list[Any], list[Any]]]:
    """The predictions of a kept model and their probabilities, by development split.

    Raises ZooError if it has no head for the task.
    """
    if not place.is_dir():
        raise _CannotTell("the model was not kept; zoo compare --keep-finetuned keeps it")
    task = catalog.task(str(result.job.task))
    dataset = task.load(data)
    if dataset.content_hash != result.data_hash:
        raise _CannotTell(f"the data of {task.name} are not those of the run")
    model = load(place, catalog=catalog).to(compute.torch_device)
    if task_kind(task).by_likelihood:
        with compute.autocast():
            for split in task.dev_splits:
                yield split, preferred(model, task_kind(task), dataset.splits[split])[0], []
        return
    head, is_given = head_for_text(model), result.job.system in plan.evaluated
    recipe = plan.variant(result.job.system).finetuning if is_given else model.variant.finetuning
    order, kind = class_order(head.config, task), task_kind(task, recipe)
    for split in task.dev_splits:
        items, _ = kind.encode(dataset.splits[split], model.text_tokenizer, recipe.max_length)
        with compute.autocast():
            logits = logits_of(model, head, items)
        again = [kind.probabilities(item, in_order(its, order)) for item, its in zip(items, logits, strict=True)]
        yield split, decoded(kind, items, logits, order), again


def repeated_plan(plan: Plan, seeds: int, compute: Compute | None = None) -> Plan:
    """A plan with no more than its first seeds, computed where the run was if nothing is said."""
    changes: dict[str, Any] = {"seeds": plan.seeds[:seeds], "keep_finetuned": False}
    changes["claims"] = plan.claims.model_copy(update={"looks": ()})
    return plan.model_copy(update=changes | {"compute": compute or again_on(plan, None)})


def retrain(
    done: ComparisonRun,
    plan: Plan,
    stage: Path,
    catalog: Catalog,
    margin: float,
    workers: int,
    watcher: Watcher,
) -> Iterator[Check]:
    """Pre-train and fine-tune again, in another folder, what the run has of this plan.

    Bit for bit the same confirms a result. Where bits differ, as they may on another machine, scores are compared by
    Welch's t-test: shown to differ at 5% contradicts, shown to be within the equivalence margin, in points
    (two one-sided tests, each at 5%; Schuirmann 1987) confirms, neither is not decidable.
    """
    check_plan(catalog, plan)
    finished = {result.job for result in done.results}
    jobs = plan.with_needs(job for job in plan.jobs if job in finished)
    again = run(plan, stage, workers=workers, watcher=watcher, catalog=catalog, wanted=lambda _: jobs)
    yield from _compared(done, again, "", margin)
    for tokens in plan.evaluate_at:
        yield from _compared(done.at(tokens), again.at(tokens), f", after {tokens:,} tokens", margin)


def _compared(done: ComparisonRun, again: ComparisonRun, when: str, margin: float) -> Iterator[Check]:
    for name in again.plan.names:
        for task in again.plan.tasks:
            recorded = done.tried(name, task.name)
            chosen = best_setting(recorded) if recorded else ""  # fewer seeds might choose differently
            repeated = again.tried(name, task.name).get(chosen, [])
            yield _repeated(f"{name} on {task.name}{when}, trained again", recorded.get(chosen, []), repeated, margin)


def _equal_predictions(
    kind: TaskKind, where: str, recorded: Sequence[Any], found: Sequence[Any], same_place: bool
) -> Check:
    """Predictions must be the same; on other hardware a few may differ, which decides nothing."""
    if len(recorded) != len(found):
        return Check(where, "contradicted", f"{len(recorded)} predictions stored, {len(found)} made")
    different = [index for index, pair in enumerate(zip(recorded, found, strict=True)) if not kind.same(*pair)]
    if not different:
        return Check(where, "confirmed")
    first = different[0]
    detail = f"{len(different)} of {len(found)} differ, item {first + 1}: {recorded[first]}, now {found[first]}"
    few = not same_place and len(different) / len(found) <= TIES
    return Check(where, "not decidable" if few else "contradicted", detail)


def _near(where: str, recorded: Sequence[Any], found: Sequence[Any], same_place: bool) -> Check:
    """Probabilities must be the same but for rounding; if they are not on other hardware, that decides nothing."""
    sides = [list(_flat(side)) for side in (recorded, found)]
    if len(sides[0]) != len(sides[1]):
        return Check(where, "contradicted", f"{len(sides[0]):,} stored, {len(sides[1]):,} made")
    worst = max((abs(a - b) for a, b in zip(*sides, strict=True)), default=0.0)
    if worst <= ROUNDING:
        return Check(where, "confirmed")
    return Check(where, "contradicted" if same_place else "not decidable", f"they differ by up to {worst:.2g}")


def _flat(values: Any) -> Iterator[float]:
    """The numbers in lists of lists."""
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        elif value is not None:
            yield value


def _repeated(where: str, recorded: list[TaskResult], repeated: list[TaskResult], margin: float) -> Check:
    if not recorded or not repeated:
        return Check(where, "not decidable", "there is no score to compare")
    before = {result.job.seed: fingerprint(result) for result in recorded}
    if all(before.get(result.job.seed) == fingerprint(result) for result in repeated):
        return Check(where, "confirmed", f"bit for bit, {len(repeated)} seed(s)")
    old, new = ([100 * result.main_score for result in results] for results in (recorded, repeated))
    shown = f"{fmean(old):.1f} then, {fmean(new):.1f} now"
    if recorded[0].environment == repeated[0].environment and recorded[0].environment.deterministic:
        return Check(where, "contradicted", f"{shown}: the same code on the same machine gives other predictions")
    if len(old) < 2 or len(new) < 2:
        return Check(where, "not decidable", f"{shown}; at least two seeds of each are needed")
    return _tested(where, shown, old, new, margin)


def _tested(where: str, shown: str, old: list[float], new: list[float], margin: float) -> Check:
    difference = fmean(new) - fmean(old)
    parts = [variance(values) / len(values) for values in (old, new)]
    error = sqrt(sum(parts))
    if error == 0.0:
        return Check(where, "confirmed" if abs(difference) <= margin else "contradicted", shown)
    freedom = error**4 / sum(part**2 / (len(v) - 1) for part, v in zip(parts, (old, new), strict=True))
    reach = [critical_t(level, freedom) * error for level in (ALPHA, 2 * ALPHA)]
    if abs(difference) > reach[0]:
        return Check(where, "contradicted", f"{shown}; chance reaches {reach[0]:.1f}")
    if abs(difference) + reach[1] <= margin:
        return Check(where, "confirmed", f"{shown}, shown to be within {margin:g}")
    return Check(where, "not decidable", f"{shown}; these seeds cannot tell {margin:g} points from chance")
