"""A run's folder: one JSON file per job, and where its models lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from zoo.core.errors import ZooError
from zoo.core.files import write_text
from zoo.core.json_files import Damaged, read_strictly
from zoo.experiments.plan.job import Job, slug
from zoo.experiments.plan.plan import Plan, read_plan
from zoo.experiments.results.checks import misfit
from zoo.experiments.results.gold_labels import read_gold
from zoo.experiments.results.records import FailedResult, ModelResult, Result, TaskResult
from zoo.experiments.results.run import ComparisonRun

T = TypeVar("T")

REMEDY = "delete it to have the job done again"

_RESULT: TypeAdapter[ModelResult | TaskResult | FailedResult] = TypeAdapter(Result)


def checkpoint_folder(folder: Path, plan: Plan, job: Job) -> Path:
    """Where the checkpoint that a job makes or stands on lies in a run folder."""
    origin = plan.pretraining_of(job)
    first = origin.seed == plan.pretraining_seed
    return folder / "checkpoints" / slug(origin.system if first else f"{origin.system}-s{origin.seed}")


def finetuned_folder(folder: Path, job: Job) -> Path:
    """Where a fine-tuned model lies in a run folder, if the plan keeps it."""
    return folder / "finetuned" / job.name


def result_path(folder: Path, job: Job) -> Path:
    """Where a job's result lies in a run folder."""
    return folder / "jobs" / f"{job.name}.json"


def write_result(folder: Path, result: ModelResult | TaskResult | FailedResult) -> None:
    """Write a job's file, whole or not at all."""
    write_text(result_path(folder, result.job), result.model_dump_json(indent=1))


def read_result(folder: Path, plan: Plan, job: Job) -> ModelResult | TaskResult | FailedResult | None:
    """A job's result, or None where there is none yet. Raises Damaged where the file is not one of this plan."""
    path = result_path(folder, job)
    if not os.path.lexists(path):
        return None
    result = read_strictly(_RESULT, path, "a result", REMEDY)
    if wrong := misfit(plan, job, result):
        raise Damaged(path, wrong, REMEDY)
    return result


def results_by_key(folders: Iterable[Path]) -> dict[str, tuple[Path, ModelResult | TaskResult]]:
    """All finished results in these run folders or folders of run folders, each with the run folder it is of.

    Raises ZooError where a folder holds no run, and Damaged where a file of a run is damaged.
    """
    found = {}
    for folder in folders:
        runs = [place for place in (folder, *sorted(folder.glob("*"))) if os.path.lexists(place / "plan.json")]
        if not runs:
            raise ZooError(f"{folder} holds no run whose results could be used again")
        for run in runs:
            for result in read_run(run).results:
                if not isinstance(result, FailedResult) and result.key:
                    found[result.key] = (run, result)
    return found


def read_run(folder: Path) -> ComparisonRun:
    """A run folder as it stands. Raises ZooError where it holds no plan, and Damaged where a file is damaged."""
    run, damaged = read_what_is_sound(folder)
    if damaged:
        raise damaged[0]
    return run


def read_what_is_sound(folder: Path) -> tuple[ComparisonRun, list[Damaged]]:
    """A run folder without the files that are damaged, and why each is. Raises as `read_run`, for its plan."""
    if not os.path.lexists(folder / "plan.json"):
        raise ZooError(f"{folder} holds no run: there is no plan.json in it")
    plan = read_plan(folder / "plan.json")
    damaged: list[Damaged] = []

    def sound(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Damaged as error:
            damaged.append(error)
            return None

    found = [sound(partial(read_result, folder, plan, job)) for job in plan.jobs]
    gold = {task.name: sound(partial(read_gold, folder, task)) for task in plan.tasks}
    return ComparisonRun(
        plan=plan,
        results=tuple(result for result in found if result is not None),
        gold={task: answers for task, answers in gold.items() if answers is not None},
    ), damaged
