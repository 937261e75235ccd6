"""The kinds of task: everything that is not the same for all tasks, one file per kind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import JsonValue

from zoo.core.errors import UnknownName, ZooError
from zoo.core.lazy import imported
from zoo.tasks.kinds.kind import EncodedItem, ItemField, TaskKind

if TYPE_CHECKING:
    from zoo.core.specs import Dims, HeadConfig, Reading
    from zoo.heads import TaskHead

__all__ = [
    "BUILT_IN",
    "ITEM_SCORES",
    "EncodedItem",
    "ItemField",
    "OfKind",
    "TaskKind",
    "add_kinds",
    "baseline_names",
    "is_learnt",
    "make_head",
    "task_kind",
]

BUILT_IN: Mapping[str, str] = {
    "classification": "zoo.tasks.kinds.classification:Classification",
    "multi-label": "zoo.tasks.kinds.multi_label:MultiLabel",
    "regression": "zoo.tasks.kinds.regression:Regression",
    "token-classification": "zoo.tasks.kinds.token_classification:TokenClassification",
    "question-answering": "zoo.tasks.kinds.question_answering:QuestionAnswering",
    "multiple-choice": "zoo.tasks.kinds.multiple_choice:MultipleChoice",
    "multiple-answers": "zoo.tasks.kinds.multiple_answers:MultipleAnswers",
    "minimal-pairs": "zoo.tasks.kinds.minimal_pairs:MinimalPairs",
    "span-classification": "zoo.tasks.kinds.span_classification:SpanClassification",
}
"""The zoo's own, by name."""

ITEM_SCORES = "item-scores"
"""A kind that is only judged, as no model is asked for anything."""

_KNOWN: dict[str, type[TaskKind] | str] = {**BUILT_IN, ITEM_SCORES: "zoo.tasks.kinds.item_scores:ItemScores"}
"""And those of plugins: a run's results name kinds, and are read and judged where there is no catalog."""


class OfKind(Protocol):
    """What has a kind: a task, a planned task, a head's record."""

    @property
    def kind(self) -> str: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def pair(self) -> bool: ...
    @property
    def options(self) -> dict[str, JsonValue]: ...


def add_kinds(kinds: Mapping[str, Any]) -> None:
    """Make the kinds of plugins known in this process, as a catalog does when it is made."""
    _KNOWN.update(kinds)


def task_kind(thing: OfKind, reading: Reading | None = None) -> TaskKind:
    """A kind at work on the labels of what has it, with its options, reading items in this way.

    Raises UnknownName if no installed plugin brings the kind, and ZooError if it takes no such option.
    """
    if thing.kind not in _KNOWN:
        raise UnknownName("task kind", thing.kind, _KNOWN)
    try:
        kind = imported(_KNOWN[thing.kind])
    except (ImportError, AttributeError) as error:
        raise ZooError(f"task kind {thing.kind!r} of a plugin fails to import: {error}") from error
    if unknown := [name for name in thing.options if name not in kind.options]:
        raise UnknownName(f"option of {thing.kind}", unknown[0][:60], kind.options)
    made: TaskKind = kind(thing.labels, thing.pair, **thing.options)
    if reading is not None:
        made.reading = reading
    return made


class MayBeLearnt(OfKind, Protocol):
    """A task, planned or not."""

    @property
    def trained_on(self) -> str | None: ...


def is_learnt(task: MayBeLearnt) -> bool:
    """Whether models are fine-tuned on a task: others are answered by models of another task, or by likelihood."""
    return not (task.trained_on or task_kind(task).by_likelihood)


def baseline_names() -> set[str]:
    """What the baselines of all kinds are called; a plugin's kind that fails to import has none."""
    names: set[str] = set()
    for kind in _KNOWN.values():
        with suppress(Exception):
            names.update(imported(kind).baselines)
    return names


def make_head(dims: Dims, config: HeadConfig) -> TaskHead:
    """The head that a record describes, with what it reads of the encoder's layers."""
    from zoo.blocks import Features

    features = Features(dims, config.features) if config.features else None
    width = features.width if features else dims.hidden_width
    head: TaskHead = imported(task_kind(config).head)(dims.model_copy(update={"hidden_width": width}), config)
    head.features = features
    return head
