"""What a plan holds of tasks and of trained weights: contents by their hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, model_validator

from zoo.core.errors import ZooError
from zoo.core.specs import Count, Record
from zoo.experiments.plan.inputs import Inputs
from zoo.tasks.kinds import task_kind
from zoo.tasks.record import RecordTask
from zoo.tasks.scoring import check_task, main_metrics


class PlannedSplit(Record):
    """A development split: how many items it has, and SHA-256s of their gold labels and of the sets they are in."""

    n_items: Count
    gold: str
    groups: str = ""


class PlannedTask(Record):
    """A task with its version and content hash, which say what a result on it must hold.

    `definition` is a hash of its record without names; `pair` says whether items have two texts. A task that models of
    another answer has no training items. `n_unlabelled` training items have no label and are not trained on. `n_items`
    counts all splits' items, whose texts have `mean_length` characters.
    """

    name: str
    version: int
    definition: str
    content_hash: str
    pair: bool
    synthetic: bool
    kind: str
    options: dict[str, JsonValue] = Field(default={})
    labels: tuple[str, ...]
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    baselines: tuple[str, ...]
    """Baselines, which read no text."""
    trained_on: str | None = None
    """The task whose models answer this one."""
    dev: Annotated[dict[str, PlannedSplit], Field(min_length=1)]
    n_training: Annotated[int, Field(ge=0)]
    n_unlabelled: Annotated[int, Field(ge=0)]
    n_items: Count
    mean_length: Annotated[float, Field(ge=0.0)]
    record: RecordTask | None = None
    """The record of a task of one's own, which no plugin offers."""

    @model_validator(mode="after")
    def _can_be_scored(self) -> Self:
        try:
            check_task(self)
            unknown = {*self.baselines} - {*task_kind(self).baselines}
        except ZooError as error:
            raise ValueError(str(error)) from None
        if unknown:
            raise ValueError(f"{min(unknown)!r:.60} is not a baseline of {self.kind}")
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """The metrics of its score, as reports call them."""
        return tuple(main_metrics(self))

    @property
    def content(self) -> Inputs:
        """What results on the task depend on."""
        return self.model_dump(exclude={"name", "baselines", "trained_on", "record"})


class PlannedCheckpoint(Record):
    """Trained weights that a variant starts from in place of pre-training: their folder and hashes. With
    `evaluate_only` they have a task head, and are scored without training. `files` are SHA-256s of all files that can
    change a result, by their paths in the folder.
    """

    folder: str
    files: Annotated[dict[str, str], Field(min_length=1)]
    evaluate_only: bool = False

    @property
    def content_hash(self) -> str:
        """A SHA-256 of all of them."""
        return hash_json(self.files)


def hash_json(value: Any) -> str:
    """A SHA-256 of a JSON value; equal contents have equal hashes."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
