"""The gold labels of a run's tasks, stored beside its results, so that scores can be recomputed from the folder
alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from zoo.core.files import make_folder, write_text
from zoo.core.json_files import Damaged, read_strictly
from zoo.core.specs import Record
from zoo.experiments.plan.job import slug
from zoo.experiments.plan.spec import PlannedTask, hash_json

Answers: TypeAlias = dict[str, list[Any]]
"""Labels or predictions by split, one per item, in order, as the kind of the task has them."""

REMEDY = "delete it, and zoo compare --resume writes it again"


class Gold(Record):
    """A file of gold labels, of the development splits of one task."""

    task: str
    answers: Answers


def write_gold(folder: Path, planned: PlannedTask, answers: Answers) -> None:
    """Write the file of one task."""
    path = gold_path(folder, planned)
    make_folder(path.parent)
    write_text(path, Gold(task=planned.name, answers=answers).model_dump_json(indent=1))


def read_gold(folder: Path, planned: PlannedTask) -> Answers | None:
    """The gold labels of a task; None if none are kept. Raises Damaged if they are not those of the plan."""
    path = gold_path(folder, planned)
    if not os.path.lexists(path):
        return None
    found = read_strictly(TypeAdapter(Gold), path, "a file of gold labels", REMEDY)
    wrong = gold_misfit(planned, found.answers) if found.task == planned.name else f"it is of task {found.task!r:.60}"
    if wrong:
        raise Damaged(path, f"does not hold the gold labels that the plan means: {wrong}", REMEDY)
    return found.answers


def gold_path(folder: Path, planned: PlannedTask) -> Path:
    """The path of a task's gold labels in a run folder."""
    return folder / "gold" / f"{slug(planned.name)}.json"


def gold_misfit(planned: PlannedTask, answers: Answers) -> str | None:
    """The split whose labels are not the planned ones; None if all are."""
    if {*answers} != {*planned.dev}:
        return f"splits {', '.join(sorted(answers)):.80} in place of {', '.join(sorted(planned.dev))}"
    wrong = [split for split, labels in answers.items() if hash_json(labels) != planned.dev[split].gold]
    return f"those of split {wrong[0]!r} have another hash" if wrong else None
