"""Checks that a job's result belongs to its plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.planned import PlannedTask
from zoo.experiments.results.records import FailedResult, ModelResult, Result, TaskResult
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import chosen_metrics


def misfit(plan: Plan, job: Job, result: Result) -> str | None:
    """Why a file's result cannot be that of the plan's job; None if it can."""
    return next(_misfits(plan, job, result), None)


def _misfits(plan: Plan, job: Job, result: Result) -> Iterator[str]:
    if result.job != job:
        yield f"is of another job, {result.job.name!r:.80}"
    elif isinstance(result, FailedResult):
        return
    elif result.kind != kind_of(job).makes:
        yield f"holds the result of a {result.kind}, which is not what {kind_of(job).title(job)} makes"
    elif isinstance(result, ModelResult):
        yield from _of_model(result)
    else:
        yield from _of_task(plan.task(str(job.task)), result)


def _of_model(result: ModelResult) -> Iterator[str]:
    place = PurePosixPath(result.checkpoint).parts
    if len(place) != 2 or place[0] != "checkpoints" or place[1].startswith("."):
        yield f"names as its checkpoint {result.checkpoint!r:.80}, which is no folder in checkpoints"


def _of_task(task: PlannedTask, result: TaskResult) -> Iterator[str]:
    if (result.task_version, result.data_hash) != (task.version, task.content_hash):
        yield f"was made on another version or other data of {task.name} than the plan means"
    for what, given in (("predictions", result.predictions), ("scores", result.scores)):
        yield from _other(f"{what} of splits", given, task.dev)
    for split, scores in result.scores.items():
        yield from _other(f"scores of {split} by", scores, task.metrics)
        yield from _beyond(task, split, scores)
    for split, made in result.predictions.items():
        if split in task.dev and len(made) != task.dev[split].n_items:
            yield f"has {len(made):,} predictions for the {task.dev[split].n_items:,} items of {split}"
        yield from _unfit(task, split, made)
    for split, made in result.test_predictions.items():
        if split in task.dev:
            yield f"holds the split {split!r} as one that is not scored"
        yield from _unfit(task, split, made)
    if result.probabilities and (lacking := {*task.dev} - {*result.probabilities}):
        yield f"has probabilities, but none of {min(lacking):.60}"
    answers = result.predictions | result.test_predictions
    for split, its in result.probabilities.items():
        if len(its) != len(answers.get(split, ())):
            yield f"has {len(its):,} probabilities for the {len(answers.get(split, ())):,} predictions of {split:.60}"
        yield from _unfit_probabilities(task, split, answers.get(split, ()), its)


def _other(what: str, given: Mapping[str, object], planned: Mapping[str, object] | Sequence[str]) -> Iterator[str]:
    if {*given} != {*planned}:
        yield f"has {what} {', '.join(given) or 'none':.80}, and the plan has {', '.join(planned):.80}"


def _beyond(task: PlannedTask, split: str, scores: Mapping[str, float]) -> Iterator[str]:
    """Values that a metric cannot have."""
    for name, metric in chosen_metrics(task).items():
        if name in scores and not metric.allows(scores[name]):
            low, high = metric.range
            yield f"has {scores[name]:g} as the {name} of {split}, which is from {low:g} to {high:g}"


def _unfit(task: PlannedTask, split: str, made: Sequence[Any]) -> Iterator[str]:
    """The first prediction that cannot be one of the task's kind."""
    kind = task_kind(task)
    for index, value in enumerate(made):
        if not kind.fits(value):
            yield f"predicts {value!r:.30} for item {index + 1} of {split:.60}, which is not {kind.wanted}"
            return


def _unfit_probabilities(
    task: PlannedTask, split: str, made: Sequence[Any], probabilities: Sequence[Any]
) -> Iterator[str]:
    kind = task_kind(task)
    for index, pair in enumerate(zip(made, probabilities, strict=False)):
        if not kind.fits_probabilities(*pair):
            yield f"has {pair[1]!r:.30} as the probabilities of item {index + 1} of {split:.60}, which they cannot be"
            return
