"""Predictions of a task by a model that has its head."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.errors import ZooError
from zoo.inference.own_head import head_for_text
from zoo.inference.vectors import tokenizer_for
from zoo.model import Model
from zoo.specs import HeadUse
from zoo.tasks.task import Example, Task
from zoo.train.finetune import encode_examples, predict


def predict_task(model: Model, task: Task, examples: Sequence[Example]) -> list[int] | list[float]:
    """The task's class ids, or scores, for its items in order. Raises ZooError where the model's head is another's."""
    head = head_for_text(model)
    numbers = _numbers(head.use, task)
    encodings, _ = encode_examples(examples, tokenizer_for(model), model.variant.dims.max_length)
    made = predict(model, head, encodings)
    return [numbers[int(value)] for value in made] if numbers else made


def _numbers(use: HeadUse, task: Task) -> list[int]:
    """The task's number of each of the head's classes; nothing for scores."""
    wanted = "regress" if task.kind == "regression" else "classify"
    if use.kind != wanted:
        raise ZooError(
            f"task {task.name!r} needs a head that can {wanted}, and this one can {use.kind}; leave out --task to have "
            "what it says of plain text"
        )
    if not task.labels:
        return []
    named, words = [label.casefold() for label in use.labels], [label.casefold() for label in task.labels]
    if sorted(named) == sorted(words):
        return [words.index(name) for name in named]
    if len(named) == len(words) and named == [f"label_{index}" for index in range(len(named))]:
        return list(range(len(named)))
    raise ZooError(
        f"the model's labels are {', '.join(use.labels)}, and those of task {task.name!r} are "
        f"{', '.join(task.labels)}; leave out --task to have its own"
    )
