"""The gold labels of a run's tasks, stored beside its results, so that scores can be recomputed from the folder
alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypedDict

from pydantic import Field, TypeAdapter

from zoo.core.files import make_folder, write_text
from zoo.core.json_files import Damaged, read_strictly
from zoo.core.specs import Record
from zoo.experiments.plan.job import slug
from zoo.experiments.plan.planned import PlannedSplit, hash_json

Answers: TypeAlias = dict[str, list[Any]]
"""Labels or predictions by split, one per item, in order, as the kind of the task has them."""

Groups: TypeAlias = dict[str, dict[str, list[int]]]
"""Sets of items by split and name, as places from 0."""

REMEDY = "delete it, and zoo compare --resume writes it again"


class HasGold(Protocol):
    """A task whose gold labels are stored, and their hashes."""

    @property
    def name(self) -> str: ...
    @property
    def dev(self) -> Mapping[str, PlannedSplit]: ...


class Gold(Record):
    """A file of gold labels, of the development splits of one task, and of the sets that their items are in."""

    task: str
    answers: Answers
    groups: Groups = Field(default={})


def write_gold(folder: Path, planned: HasGold, answers: Answers, groups: Groups | None = None) -> None:
    """Write the file of one task."""
    path = gold_path(folder, planned)
    make_folder(path.parent)
    write_text(path, Gold(task=planned.name, answers=answers, groups=groups or {}).model_dump_json(indent=1))


def read_gold(folder: Path, planned: HasGold) -> Gold | None:
    """The gold labels of a task; None if none are kept. Raises Damaged if they are not those of the plan."""
    path = gold_path(folder, planned)
    if not os.path.lexists(path):
        return None
    found = read_strictly(TypeAdapter(Gold), path, "a file of gold labels", REMEDY)
    wrong = gold_misfit(planned, found) if found.task == planned.name else f"it is of task {found.task!r:.60}"
    if wrong:
        raise Damaged(path, f"does not hold the gold labels that the plan means: {wrong}", REMEDY)
    return found


def gold_path(folder: Path, planned: HasGold) -> Path:
    """The path of a task's gold labels in a run folder."""
    return folder / "gold" / f"{slug(planned.name)}.json"


def gold_misfit(planned: HasGold, gold: Gold) -> str | None:
    """The split whose labels or sets of items are not the planned ones; None if all are."""
    if {*gold.answers} != {*planned.dev}:
        return f"splits {', '.join(sorted(gold.answers)):.80} in place of {', '.join(sorted(planned.dev))}"
    found = {
        split: (hash_json(labels), hash_json(gold.groups[split]) if split in gold.groups else "")
        for split, labels in gold.answers.items()
    }
    wrong = [split for split, its in planned.dev.items() if found[split] != (its.gold, its.groups)]
    return f"those of split {wrong[0]!r} have another hash" if wrong else None


class ByTask(TypedDict):
    """What a run knows of the gold labels of its tasks."""

    gold: Mapping[str, Answers]
    groups: Mapping[str, Groups]


def by_task(gold: Mapping[str, Gold | None]) -> ByTask:
    """The labels and the sets of items of the tasks whose files are there."""
    return {
        "gold": {task: its.answers for task, its in gold.items() if its},
        "groups": {task: its.groups for task, its in gold.items() if its and its.groups},
    }
