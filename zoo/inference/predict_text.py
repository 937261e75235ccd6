"""Predictions of a model's own head for plain text, with its folder's labels: no task is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

from zoo.core.errors import ZooError
from zoo.heads import TaskHead
from zoo.inference.fill_mask import mask_objective
from zoo.machine.usage import Usage
from zoo.model import Model
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Example
from zoo.text.encoding import WINDOW, log_cut
from zoo.train.finetune import logits_of

InputTexts = tuple[str, ...]
"""The texts of an item: one, two, or a text and the choices after it."""


SHOWN = 10
"""Rows of predictions that are printed."""


@dataclass(frozen=True)
class Predictions:
    """A table of predictions, one row per item, which begins with the item's number from 0; and scores, if there
    are gold labels.

    `files` are the same predictions in the formats of the task's official evaluation, by file ending; `usage` is
    the time and memory that a file of items took.
    """

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    scores: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    usage: Usage | None = None

    def __repr__(self) -> str:
        shown = ["\t".join(row) for row in (self.columns, *self.rows[:SHOWN])]
        more = [f"... {len(self.rows) - SHOWN:,} more"] if len(self.rows) > SHOWN else []
        return "\n".join([*shown, *more, *([self.scored] if self.scores else [])])

    @property
    def scored(self) -> str:
        """The scores on one line."""
        return ", ".join(f"{name} {value:.4f}" for name, value in self.scores.items())


def predict_texts(model: Model, items: Sequence[InputTexts], *, labels: Sequence[str] | None = None) -> Predictions:
    """What the head predicts for each item, in these labels or its own; how many items were cut is logged.

    Raises ZooError if the model has no head, or items don't fit it.
    """
    head = head_for_text(model, labels)
    kind = task_kind(head.config)
    return predict_examples(model, head, [kind.example(texts, len(texts) == 2) for texts in items])


def predict_examples(model: Model, head: TaskHead, examples: Sequence[Example]) -> Predictions:
    """What a head predicts for items that are of no task; how many were cut is logged."""
    kind, max_length = task_kind(head.config, model.variant.finetuning), model.variant.dims.max_length
    rows: list[tuple[str, ...]] = []
    n_cut = 0
    for start in range(0, len(examples), WINDOW):
        window = examples[start : start + WINDOW]
        encoded, cut = kind.encode_lines(window, model.text_tokenizer, max_length)
        n_cut += cut
        for index, each in enumerate(zip(window, encoded, logits_of(model, head, encoded), strict=True), start):
            rows += [(str(index), *row) for row in kind.rows(*each)]
    log_cut(n_cut, len(examples), kind.longest(max_length), kind.cuts)
    return Predictions(("index", *kind.columns), rows)


def example_of(head: TaskHead, line: str, where: str, *, pairs: bool) -> Example:
    """The item that a line means to a head. Raises ZooError, saying where, for another number of texts."""
    kind, pairs = task_kind(head.config), pairs or head.config.pair
    try:
        return kind.example(line.split("\t") if pairs or kind.several_texts else [line], pairs)
    except ZooError as error:
        raise ZooError(f"{where}: {error}") from None


def head_for_text(model: Model, labels: Sequence[str] | None = None) -> TaskHead:
    """A model's task head, its classes called by these labels if any are given.

    Raises ZooError if it has none, with what the model is good for, and if labels don't fit it.
    """
    heads = [head for head in model.objectives.values() if isinstance(head, TaskHead)]
    if not heads:
        has = ", ".join(model.objective_names) or "an encoder alone"
        use = "zoo encode or zoo fill" if mask_objective(model) and not model.causal else "zoo encode"
        raise ZooError(
            f"the model {model.variant.name!r} has no task head, only {has}; use {use}, or fine-tune it with zoo "
            "compare"
        )
    return heads[0] if labels is None else _renamed(heads[0], labels)


def _renamed(head: TaskHead, labels: Sequence[str]) -> TaskHead:
    """The same head with other words for its classes."""
    if len(labels) != len(head.config.labels) or len(set(labels)) < len(labels):
        own = ", ".join(head.config.labels) or "none, as its answers are no classes"
        raise ZooError(f"the model has {len(head.config.labels)} labels ({own}); name each once, in that order")
    renamed = copy(head)
    renamed.config = head.config.model_copy(update={"labels": tuple(labels)})
    return renamed
