"""A run's folder: one JSON file per job."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from zoo.core.errors import ZooError
from zoo.core.files import write_text
from zoo.core.json_files import Damaged, read_strictly
from zoo.core.made import Made
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.plan import Plan, read_plan
from zoo.experiments.results.checks import misfit
from zoo.experiments.results.gold_labels import by_task, read_gold
from zoo.experiments.results.records import FailedResult, Finished, Result
from zoo.experiments.results.run import ComparisonRun

T = TypeVar("T")

REMEDY = "delete it to run the job again"

_RESULT: TypeAdapter[Result] = TypeAdapter(Result)

_MADE: TypeAdapter[Made] = TypeAdapter(Made)

MADE = "made.json"

SHARED, UNFINISHED = "shared", "unfinished"
"""The folders of what several jobs read and one makes, and of jobs under way, removed when all jobs are done."""


def result_path(folder: Path, job: Job) -> Path:
    """The path of a job's result in a run folder."""
    return folder / "jobs" / f"{job.name}.json"


def write_result(folder: Path, result: Result) -> None:
    """Write a job's file, complete or not at all."""
    write_text(result_path(folder, result.job), result.model_dump_json(indent=1))


def write_waiting(folder: Path, result: Finished, key: str) -> None:
    """Write the result of a job that another one did on its way, for when it is due."""
    write_text(_waiting(folder, result.job, key), result.model_dump_json(indent=1))


def read_waiting(folder: Path, plan: Plan, job: Job, key: str) -> Result | None:
    """The result of a job that another one did on its way, if there is one. Raises Damaged as `read_result` does."""
    return _read(_waiting(folder, job, key), plan, job)


def _waiting(folder: Path, job: Job, key: str) -> Path:
    return folder / UNFINISHED / f"{job.name}-{key[:12]}.json"


def read_result(folder: Path, plan: Plan, job: Job) -> Result | None:
    """A job's result, or None if there is none yet. Raises Damaged if the file is not one of this plan."""
    return _read(result_path(folder, job), plan, job)


def _read(path: Path, plan: Plan, job: Job) -> Result | None:
    if not os.path.lexists(path):
        return None
    result = read_strictly(_RESULT, path, "a result", REMEDY)
    if wrong := misfit(plan, job, result):
        raise Damaged(path, wrong, REMEDY)
    return result


def write_made(folder: Path, command: str) -> None:
    """Write down when and by which command a run was begun; a run that goes on keeps what is there."""
    path = folder / MADE
    if not os.path.lexists(path):
        made = Made(date.today().isoformat(), command)
        write_text(path, json.dumps(asdict(made), indent=1) + "\n")


def read_made(folder: Path) -> Made | None:
    """When and by which command a run was begun; None if that was not written down, or cannot be read."""
    try:
        return _MADE.validate_json((folder / MADE).read_bytes())
    except (OSError, ValidationError):
        return None


@dataclass(frozen=True)
class Stored:
    """A finished result in a run folder, and the plan of that run."""

    folder: Path
    plan: Plan
    result: Finished

    @property
    def model(self) -> Path | None:
        """The folder of the model that it is of; None if the run has none, or has not kept it."""
        place = model_folder(self.plan, self.result.job)
        return self.folder / place if place and (self.folder / place).is_dir() else None


def results_by_key(folders: Iterable[Path]) -> dict[str, Stored]:
    """All finished results in these run folders or folders of run folders.

    Raises ZooError if a folder holds no run, and Damaged if a file of a run is damaged.
    """
    found = {}
    for folder in folders:
        runs = [place for place in (folder, *sorted(folder.glob("*"))) if os.path.lexists(place / "plan.json")]
        if not runs:
            raise ZooError(f"{folder} holds no run whose results could be reused")
        for run, done in ((run, read_run(run)) for run in runs):
            for result in done.results:
                if not isinstance(result, FailedResult) and result.key:
                    found[result.key] = Stored(run, done.plan, result)
    return found


def read_run(folder: Path) -> ComparisonRun:
    """A run folder as it stands. Raises ZooError if it holds no plan, and Damaged if a file is damaged."""
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
        **by_task(gold),
    ), damaged
