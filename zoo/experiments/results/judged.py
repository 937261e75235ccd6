"""Predictions of other tools as a run: who is compared on what, from which files, and the results, in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, JsonValue, TypeAdapter, model_validator

from zoo.core.errors import ZooError
from zoo.core.files import make_folder, write_text
from zoo.core.json_files import Damaged, read_strictly
from zoo.core.specs import Record
from zoo.experiments.plan.claims import PLAIN, Claims
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.planned import PlannedSplit, hash_json
from zoo.experiments.plan.spec import refuse_twice
from zoo.experiments.results.folder import result_path
from zoo.experiments.results.gold_labels import Answers, Groups, by_task, read_gold, write_gold
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import check_task

JUDGEMENT: Final = "judgement.json"
KIND: Final = "judged"
REMEDY = "judge again from the files of predictions"


_PRINTED = r"^[^\x00-\x1f\x7f]+$"


def _printed(name: Any) -> Any:
    if isinstance(name, str) and not re.match(_PRINTED, name):
        raise ValueError("a name has at least one character, and no line's end or other control character")
    return name


Name = Annotated[str, Field(pattern=_PRINTED, max_length=200), BeforeValidator(_printed)]
"""The name of a system or task, which others have chosen."""


class JudgedTask(Record):
    """A task as it was judged.

    `measures` are its metrics as reports call them, and `gold` says where its gold labels are from. `dev` is empty if
    only scores are known.
    """

    name: Name
    kind: str
    pair: bool = False
    options: dict[str, JsonValue] = Field(default={})
    labels: tuple[str, ...] = ()
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    measures: Annotated[tuple[str, ...], Field(min_length=1)]
    dev: dict[str, PlannedSplit]
    gold: str
    baselines: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _can_be_scored(self) -> JudgedTask:
        try:
            check_task(self)
        except ZooError as error:
            raise ValueError(str(error)) from None
        return self


class PredictionFile(Record):
    """A file of predictions, its SHA-256, and how its items were matched with the gold labels."""

    system: str
    task: str
    seed: int
    path: str
    hash: str
    form: str
    n_items: Annotated[int, Field(ge=0)]
    how: str

    @property
    def job(self) -> Job:
        """The result that it makes."""
        return Job(kind=KIND, system=self.system, task=self.task, seed=self.seed)


class Judgement(Record):
    """Who is compared on what, and from which files."""

    format: Literal[1] = 1
    names: Annotated[tuple[Name, ...], Field(min_length=1)]
    tasks: Annotated[tuple[JudgedTask, ...], Field(min_length=1)]
    files: tuple[PredictionFile, ...]
    claims: Claims = PLAIN
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _means_one_thing(self) -> Judgement:
        refuse_twice("system", self.names)
        refuse_twice("task", [task.name for task in self.tasks])
        refuse_twice("job", [file.job.name for file in self.files])
        if self.claims.against not in (None, *self.names):
            raise ValueError(f"{self.claims.against!r:.60} is no system that is judged")
        return self

    @property
    def content_hash(self) -> str:
        """A SHA-256 of everything that the results depend on: contents, not paths."""
        return hash_json(self.model_dump(mode="json", exclude={"claims": True, "files": {"__all__": {"path"}}}))

    @property
    def baselines(self) -> tuple[str, ...]:
        """None: whoever is compared is given."""
        return ()

    @property
    def averaged(self) -> tuple[str, ...]:
        """All tasks are in the mean over tasks."""
        return tuple(task.name for task in self.tasks)

    @cached_property
    def unseeded(self) -> tuple[str, ...]:
        """The systems with one file of predictions per task: single models, whatever made them."""
        only_scores = {file.system for file in self.files if not self.task(file.task).dev}
        return tuple(name for name in self.names if self.n_seeds(name) == 1 and name not in only_scores)

    def unseeded_on(self, task: str) -> tuple[str, ...]:
        """The same on every task."""
        return self.unseeded

    def n_seeds(self, system: str, task: str | None = None) -> int:
        """The most seeds of a system on any task."""
        tasks = [file.task for file in self.files if file.system == system]
        return max(map(tasks.count, tasks), default=0)

    def task(self, name: str) -> JudgedTask:
        """The task of this name."""
        return next(task for task in self.tasks if task.name == name)


class JudgedResult(Record):
    """A system's predictions and scores on a task; no predictions if only scores are known."""

    kind: Literal["judged"] = KIND
    job: Job
    scores: dict[str, dict[str, float]]
    main_score: float
    predictions: Answers = Field(default={})


@dataclass(frozen=True)
class JudgedRun:
    """A judgement, its results, and gold labels and sets of items by task."""

    plan: Judgement
    results: tuple[JudgedResult, ...]
    gold: Mapping[str, Answers] = field(default_factory=dict)
    groups: Mapping[str, Groups] = field(default_factory=dict)

    @property
    def systems(self) -> tuple[str, ...]:
        """All of them."""
        return self.plan.names

    def finetuned(self, system: str, task: str | None = None) -> Sequence[JudgedResult]:
        """A system's results, on one task or all."""
        if task is not None:
            return self._by_place.get((system, task), [])
        return [result for planned in self.plan.tasks for result in self.finetuned(system, planned.name)]

    def failed(self, system: str, task: str) -> bool:
        """Nothing ran here that could fail."""
        return False

    def model_keys(self, task: str) -> Mapping[str, str]:
        """Nothing is known of what made the predictions."""
        return {}

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], list[JudgedResult]]:
        found: dict[tuple[str, str], list[JudgedResult]] = {}
        for result in self.results:
            found.setdefault((result.job.system, str(result.job.task)), []).append(result)
        return found


def is_judged(folder: Path) -> bool:
    """Whether a folder holds a judgement, and no run of the zoo's."""
    return os.path.lexists(folder / JUDGEMENT)


def write_judged(run: JudgedRun, folder: Path) -> None:
    """The judgement, its results and gold labels as a folder. Raises ZooError if something else is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(f"{folder} is not empty; give another --out")
    make_folder(folder / "jobs")
    for result in run.results:
        write_text(result_path(folder, result.job), result.model_dump_json(indent=1))
    for task, answers in run.gold.items():
        write_gold(folder, run.plan.task(task), answers, run.groups.get(task))
    write_text(folder / JUDGEMENT, run.plan.model_dump_json(indent=1))


def read_judged(folder: Path) -> JudgedRun:
    """A folder that `write_judged` wrote. Raises Damaged if a file is damaged or missing."""
    run, damaged = read_what_is_sound(folder)
    if damaged:
        raise damaged[0]
    return run


def read_what_is_sound(folder: Path) -> tuple[JudgedRun, list[Damaged]]:
    """The same without the files that are damaged, and why each is. Raises Damaged for the judgement itself."""
    plan = read_strictly(TypeAdapter(Judgement), folder / JUDGEMENT, "a judgement", REMEDY)
    damaged: list[Damaged] = []
    results, gold = [], {}
    for file in plan.files:
        try:
            results.append(_read_result(folder, plan, file))
        except Damaged as error:
            damaged.append(error)
    for task in plan.tasks:
        try:
            gold[task.name] = read_gold(folder, task) if task.dev else None
        except Damaged as error:
            damaged.append(error)
    return JudgedRun(plan, tuple(results), **by_task(gold)), damaged


def _read_result(folder: Path, plan: Judgement, file: PredictionFile) -> JudgedResult:
    path, task = result_path(folder, file.job), plan.task(file.task)
    result = read_strictly(TypeAdapter(JudgedResult), path, "a judged result", REMEDY)
    if result.job != file.job:
        raise Damaged(path, f"is of another system, task or seed, {result.job.name!r:.80}", REMEDY)
    for split, its in task.dev.items():
        if {*result.predictions} != {*task.dev} or len(result.predictions[split]) != its.n_items:
            raise Damaged(path, f"does not have {its.n_items:,} predictions of {split}", REMEDY)
        _refuse_unfit(path, task, result.predictions[split])
    return result


def _refuse_unfit(path: Path, task: JudgedTask, values: Sequence[Any]) -> None:
    kind = task_kind(task)
    if unfit := [(n, value) for n, value in enumerate(values, 1) if not kind.fits(value)]:
        raise Damaged(path, f"predicts {unfit[0][1]!r:.30} for item {unfit[0][0]}, which is not {kind.wanted}", REMEDY)
