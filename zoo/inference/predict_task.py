"""Predictions of a task by a model that has its head."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.core.errors import ZooError
from zoo.core.specs import HeadConfig
from zoo.inference.predict_text import head_for_text
from zoo.model import Model
from zoo.tasks.task import Example, Task, spelled
from zoo.text.encoding import log, log_cut
from zoo.train.finetune import encode_examples, predict


def predict_task(
    model: Model, task: Task, examples: Sequence[Example], *, labels: Sequence[str] | None = None
) -> list[int] | list[float]:
    """The task's class ids, or scores, for its items in order; `labels` are the words for the head's classes, in order.

    Logged are the order of classes that had to be assumed, and how many items were cut. Raises ZooError where the
    model's head is another's.
    """
    head = head_for_text(model, labels)
    ids = class_ids(head.config, task)
    length = model.variant.dims.max_length
    encodings, n_cut = encode_examples(examples, model.text_tokenizer, length)
    log_cut(n_cut, len(examples), length)
    made = predict(model, head, encodings)
    return [ids[int(value)] for value in made] if ids else made


def class_ids(use: HeadConfig, task: Task) -> list[int]:
    """The task's class id of each class of a head; none for scores. Raises ZooError where the head does not fit."""
    wanted = "regression" if task.kind == "regression" else "classification"
    if use.kind != wanted:
        raise ZooError(
            f"task {task.name!r} needs a head of kind {wanted!r}, and the model's is of kind {use.kind!r}; leave out "
            "--task to have its own predictions"
        )
    if not task.labels:
        return []
    found = task.ids_of(use.labels)
    if found is not None:
        return found
    own, names = ", ".join(use.labels), ", ".join(map(_shown, task.words))
    numbers = [str(index) for index in range(len(task.labels))]
    if [spelled(label).removeprefix("label") for label in use.labels] == numbers:
        log.warning(f"the model calls its labels {own}; they are taken for {names}; --labels gives another order")
        return list(range(len(task.labels)))
    raise ZooError(
        f"the model's labels are {own}, and those of task {task.name!r} are {names}; give the task's "
        "labels in the model's order with --labels, or leave out --task to have the model's own predictions"
    )


def _shown(words: Sequence[str]) -> str:
    """A label, with what it means where it is but a number."""
    return f"{words[0]} ({words[1]})" if words[0].isdigit() and len(words) > 1 else words[0]
