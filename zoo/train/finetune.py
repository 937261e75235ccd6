"""Task items to batches, a fine-tuned model to predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from zoo.core.batch import Batch
from zoo.core.errors import RunFailed
from zoo.core.seeds import seed_of
from zoo.core.specs import FeatureConfig, HeadConfig, PoolingConfig
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, TaskKind, task_kind
from zoo.tasks.task import Example, Label, Task
from zoo.text.device_batches import computed
from zoo.text.encoding import batches_by_length

EVALUATION_BATCH = 64
EVALUATION_TOKENS = 8_192
"""The tokens of a batch elsewhere than on a CPU; not as many as fit just now, so that predictions repeat."""


def head_for(task: Task, pooling: PoolingConfig, features: FeatureConfig | None = None) -> HeadConfig:
    """The head that a task takes, and what it reads."""
    return HeadConfig(
        kind=task.kind,
        labels=task.labels,
        pair=task.pair,
        options=task.options,
        pooling=pooling,
        features=features,
    )


def training_parts(items: Sequence[EncodedItem], labels: Sequence[Label]) -> tuple[list[EncodedItem], list[Label]]:
    """What is learnt by itself: items, and the windows of those that have them, each with its item's label."""
    pairs = [(part, label) for item, label in zip(items, labels, strict=True) for part in item.parts]
    return [part for part, _ in pairs], [label for _, label in pairs]


def divided(items: Sequence[Example], share: float | None, seed: int) -> tuple[list[Example], list[Example]]:
    """Items to train on, and a random share held out from them; at least one each, both in the items' order.

    Raises RunFailed if there is only one item.
    """
    if share is None:
        return list(items), []
    if len(items) < 2:
        raise RunFailed("finetuning.early_stopping holds training items out, and there is only one")
    n_held = min(len(items) - 1, max(1, round(share * len(items))))
    held = {*np.random.default_rng(seed_of("held-out items", seed)).permutation(len(items))[:n_held].tolist()}
    apart: tuple[list[Example], list[Example]] = ([], [])
    for index, item in enumerate(items):
        apart[index in held].append(item)
    return apart


def training_batches(
    kind: TaskKind, items: Sequence[EncodedItem], labels: Sequence[Label], batch_size: int, seed: int
) -> Iterator[Batch]:
    """Epoch after epoch, in the order of `training_order`."""
    for chosen in training_order([len(item) for item in items], batch_size, seed):
        yield kind.batch([items[i] for i in chosen], [labels[i] for i in chosen])


def training_order(lengths: Sequence[int], batch_size: int, seed: int) -> Iterator[list[int]]:
    """The places of each batch's items, epoch after epoch in a new order, without end.

    Neighbours of like length go together, so that attention runs in few groups.
    """
    epoch = 0
    while True:
        rng = np.random.default_rng(seed_of("fine-tuning order", seed, epoch))
        order = rng.permutation(len(lengths)).tolist()
        window = batch_size * 8
        chunks = []
        for start in range(0, len(order), window):
            near = sorted(order[start : start + window], key=lengths.__getitem__)
            chunks += [near[at : at + batch_size] for at in range(0, len(near), batch_size)]
        for index in rng.permutation(len(chunks)).tolist():
            yield chunks[index]
        epoch += 1


def logits_of(model: Model, head: TaskHead, items: Sequence[EncodedItem]) -> list[Tensor]:
    """The head's logits of each item by itself, in order, in float32 on the CPU."""
    kind = task_kind(head.config)
    parts = [part for item in items for part in item.parts]
    found: dict[int, Tensor] = {}

    def make(chosen: list[int]) -> Batch:
        return kind.batch([parts[index] for index in chosen])

    def logits(batch: Batch) -> Tensor:
        return head.logits(model.read(batch), batch).float()

    with model.eval_mode() as device:
        on_cpu = device.type == "cpu"
        chunks = batches_by_length(parts, EVALUATION_BATCH if on_cpu else None, EVALUATION_TOKENS)
        for chosen, batch, made in computed(chunks, make, logits, device):
            found |= dict(zip(chosen, head.by_item(made, batch), strict=True))
    each = iter([found[index] for index in range(len(parts))])
    return [kind.join_logits([next(each) for _ in item.parts]) for item in items]


def predict(model: Model, head: TaskHead, items: Sequence[EncodedItem]) -> list[Any]:
    """The head's prediction for each item, in order."""
    kind = task_kind(head.config, model.variant.finetuning)
    logits = logits_of(model, head, items)
    return [kind.decode(item, its) for item, its in zip(items, logits, strict=True)]
