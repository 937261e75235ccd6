"""Predictions of a task by a model that has its head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.core.errors import ZooError
from zoo.core.specs import HeadConfig
from zoo.heads import TaskHead
from zoo.inference.predict_text import head_for_text
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, TaskKind, task_kind
from zoo.tasks.task import Example, Task, spelled
from zoo.text.encoding import log, log_cut
from zoo.train.finetune import logits_of


def predict_task(
    model: Model, task: Task, examples: Sequence[Example], *, labels: Sequence[str] | None = None
) -> list[Any]:
    """The task's predictions for its items in order; `labels` are the words for the head's classes, in order.

    Logged are the order of classes that had to be assumed, and how many items were cut. Raises ZooError if the
    model's head is another's.
    """
    head, length = head_for_text(model, labels), model.variant.dims.max_length
    try:
        order = class_order(head.config, task)
    except ZooError as error:
        fits = head.config.kind == task.kind
        words = "give the task's labels in the model's order with --labels, or " if fits else ""
        raise ZooError(f"{error}; {words}leave out --task to have the model's own predictions") from None
    kind = task_kind(task, model.variant.finetuning)
    items, n_cut = kind.encode(examples, model.text_tokenizer, length)
    log_cut(n_cut, len(examples), kind.longest(length), kind.cuts)
    return predict_items(model, head, kind, items, order)


def predict_items(
    model: Model, head: TaskHead, kind: TaskKind, items: Sequence[EncodedItem], order: list[int]
) -> list[Any]:
    """A head's predictions as the task of this kind numbers its labels; `order` is the head's `class_order`."""
    return decoded(kind, items, logits_of(model, head, items), order)


def decoded(kind: TaskKind, items: Sequence[EncodedItem], logits: Sequence[Tensor], order: list[int]) -> list[Any]:
    """The predictions that a head's logits of items mean to a task.

    Where several of the head's classes mean one label, the most probable class decides.
    """
    if len(set(order)) < len(order):
        return [order[int(its.argmax())] for its in logits]
    return [kind.decode(item, in_order(its, order)) for item, its in zip(items, logits, strict=True)]


def in_order(logits: Tensor, order: list[int]) -> Tensor:
    """A head's logits [..., classes] as those of the task's labels [..., labels], their classes' added up."""
    if order == sorted(set(order)):
        return logits
    columns = [[at for at, label in enumerate(order) if label == wanted] for wanted in range(max(order) + 1)]
    return torch.stack([logits[..., its].logsumexp(-1) for its in columns], dim=-1)


def class_order(head: HeadConfig, task: Task) -> list[int]:
    """The task's number of each label of a head; none if there are no labels. Raises ZooError if it is another's.

    Labels that are numbered only are taken to be in the task's order, which is logged.
    """
    if head.kind != task.kind:
        raise ZooError(
            f"task {task.name!r} needs a head of kind {task.kind!r}, and the model's is of kind {head.kind!r}"
        )
    if not task.labels:
        return []
    found = task.ids_of(head.labels)
    if found is not None and (len(set(found)) == len(found) or task_kind(task).is_one_class):
        return found
    own, names = ", ".join(head.labels), ", ".join(map(_shown, task.words))
    numbers = [str(index) for index in range(len(task.labels))]
    if [spelled(label).removeprefix("label") for label in head.labels] == numbers:
        log.warning(f"the model calls its labels {own}; they are taken for {names}; --labels gives another order")
        return list(range(len(task.labels)))
    raise ZooError(f"the model's labels are {own}, and those of task {task.name!r} are {names}")


def _shown(words: Sequence[str]) -> str:
    """A label, with what it means where it is but a number."""
    return f"{words[0]} ({words[1]})" if words[0].isdigit() and len(words) > 1 else words[0]
