"""Task items to batches, a fine-tuned model to predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from zoo.core.batch import ITEM, Batch
from zoo.core.errors import RunFailed
from zoo.core.interfaces import Tokenizer
from zoo.core.seeds import seed_of
from zoo.core.specs import FeatureConfig, Finetuning, HeadConfig, PoolingConfig
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem, TaskKind, task_kind
from zoo.tasks.task import Example, Label, Task
from zoo.text.device_batches import computed
from zoo.text.encoding import batches_by_length
from zoo.train.augment import Learned, mixed_in_pairs

EVALUATION_BATCH = 64
SAMPLE, SAMPLE_BATCH = 256, 32
"""How many training items are sampled, and how many at once."""

EVALUATION_TOKENS = 8_192
"""The tokens of a batch elsewhere than on a CPU; not as many as fit just now, so that predictions repeat."""


EARLY_STOPPING, TUNING = "finetuning.early_stopping", "--tune"
"""What training items are held out for."""


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
    """What is learned by itself: items, and the windows of those that have them, each with its item's label."""
    pairs = [(part, label) for item, label in zip(items, labels, strict=True) for part in item.parts]
    return [part for part, _ in pairs], [label for _, label in pairs]


def divided(
    items: Sequence[Example], share: float | None, seed: int, purpose: str = EARLY_STOPPING
) -> tuple[list[Example], list[Example]]:
    """Items to train on, and a random share held out from them; at least one each, both in the items' order.

    What is drawn for one purpose does not depend on what was drawn for another. Raises RunFailed if there is only one.
    """
    if share is None:
        return list(items), []
    if len(items) < 2:
        raise RunFailed(f"{purpose} holds training items out, and there is only one")
    n_held = min(len(items) - 1, max(1, round(share * len(items))))
    words = ("held-out items",) if purpose == EARLY_STOPPING else ("held-out items", purpose)
    held = {*np.random.default_rng(seed_of(*words, seed)).permutation(len(items))[:n_held].tolist()}
    apart: tuple[list[Example], list[Example]] = ([], [])
    for index, item in enumerate(items):
        apart[index in held].append(item)
    return apart


def training_order(lengths: Sequence[int], batch_size: int, seed: int) -> Iterator[list[int]]:
    """The places of each batch's items, epoch after epoch in a new order, without end."""
    for epoch in count():
        yield from order_of_epoch(lengths, batch_size, seed, epoch)


def order_of_epoch(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> Iterator[list[int]]:
    """The same of one epoch; neighbors of like length go together, so that attention runs in few groups."""
    rng = np.random.default_rng(seed_of("fine-tuning order", seed, epoch))
    order = rng.permutation(len(lengths)).tolist()
    window = batch_size * 8
    chunks = []
    for start in range(0, len(order), window):
        near = sorted(order[start : start + window], key=lengths.__getitem__)
        chunks += [near[at : at + batch_size] for at in range(0, len(near), batch_size)]
    for index in rng.permutation(len(chunks)).tolist():
        yield chunks[index]


def shortened(kind: TaskKind, items: Sequence[Example], tokenizer: Tokenizer, recipe: Finetuning) -> Finetuning:
    """The recipe with the fewest tokens, a multiple of eight, that cut at most its share of the items."""
    if recipe.cut_share is None:
        return recipe
    encoded, _ = kind.encode(items, tokenizer, recipe.max_length)
    lengths = sorted(max(map(len, item.encodings)) for item in encoded)
    longest = lengths[ceil((1 - recipe.cut_share) * len(lengths)) - 1]
    return recipe.model_copy(update={"max_length": min(recipe.max_length, 8 * ceil(longest / 8))})


class TrainingItems:
    """What is learned from, epoch after epoch: items and windows by themselves, some of them changed anew each time.

    `changed` says by number which items are others in an epoch. With `mixup`, sequences of a batch are mixed in pairs.
    If `numbered`, a batch says by the label ITEM which item each sequence is of. It counts what it has put into
    batches.
    """

    n_read = n_changed = n_mixed = 0

    def __init__(
        self,
        kind: TaskKind,
        items: Sequence[EncodedItem],
        labels: Sequence[Label],
        seed: int,
        changed: Callable[[int], Mapping[int, Learned]] | None = None,
        mixup: float = 0.0,
        numbered: bool = False,
    ) -> None:
        self._kind, self._seed, self._changed, self._mixup, self._numbered = kind, seed, changed, mixup, numbered
        self._items = list(zip(items, labels, strict=True))
        self._plain = [*_parts(self._items, {})]

    def __len__(self) -> int:
        """Items and windows."""
        return len(self._plain)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Epoch after epoch, in the order of `training_order`."""
        for epoch in count():
            parts = [*_parts(self._items, self._changed(epoch))] if self._changed else self._plain
            lengths = [len(part.item) for part in parts]
            for number, chosen in enumerate(order_of_epoch(lengths, batch_size, self._seed, epoch)):
                yield self._batch([parts[place] for place in chosen], epoch, number)

    def sample(self, n: int = SAMPLE) -> list[Batch]:
        """A random sample of them, unchanged, in batches: for what is measured on them beside training."""
        order = np.random.default_rng(seed_of("sampled items", self._seed)).permutation(len(self))[:n].tolist()
        chunks = ([self._plain[place] for place in order[at : at + SAMPLE_BATCH]] for at in range(0, n, SAMPLE_BATCH))
        return [self._kind.batch([p.item for p in chunk], [p.label for p in chunk]) for chunk in chunks if chunk]

    def _batch(self, parts: Sequence[_Part], *place: int) -> Batch:
        batch = self._kind.batch([part.item for part in parts], [part.label for part in parts])
        self.n_read += len(parts)
        self.n_changed += sum(part.changed for part in parts)
        if self._numbered:
            owners = batch.items or batch.order
            numbers = torch.tensor([parts[owner].number for owner in owners])
            batch = replace(batch, labels={**batch.labels, ITEM: numbers})
        if not self._mixup:
            return batch
        self.n_mixed += len(parts) // 2 * 2
        return mixed_in_pairs(batch, self._mixup, self._seed, *place)


class _Part(NamedTuple):
    """What is learned by itself, with its label, the number of its item, and whether that was changed."""

    item: EncodedItem
    label: Label
    number: int
    changed: bool


def _parts(items: Sequence[Learned], changed: Mapping[int, Learned]) -> Iterator[_Part]:
    for number, plain in enumerate(items):
        item, label = changed.get(number, plain)
        for part in item.parts:
            yield _Part(part, label, number, number in changed)


def logits_of(model: Model, head: TaskHead, items: Sequence[EncodedItem]) -> list[Tensor]:
    """The head's logits of each item by itself, in order, in float32 on the CPU."""
    n_tokens = sum(len(part) for item in items for part in item.parts)
    with model.eval_mode(n_tokens) as device:
        return logits_by(lambda batch: head.logits(model.read(batch), batch), head, items, device)


def logits_by(
    logits: Callable[[Batch], Tensor], head: TaskHead, items: Sequence[EncodedItem], device: torch.device
) -> list[Tensor]:
    """The same by a function that gives a head's logits of a batch, however it computes them."""
    kind = task_kind(head.config)
    parts = [part for item in items for part in item.parts]
    found: dict[int, Tensor] = {}

    def make(chosen: list[int]) -> Batch:
        return kind.batch([parts[index] for index in chosen])

    lengths = np.fromiter(map(len, parts), np.int64, len(parts))
    chunks = batches_by_length(lengths, EVALUATION_BATCH if device.type == "cpu" else None, EVALUATION_TOKENS)
    for chosen, batch, made in computed(chunks, make, lambda batch: logits(batch).float(), device):
        found |= dict(zip(chosen, head.by_item(made, batch), strict=True))
    each = iter([found[index] for index in range(len(parts))])
    return [kind.join_logits([next(each) for _ in item.parts]) for item in items]


def predict(model: Model, head: TaskHead, items: Sequence[EncodedItem]) -> list[Any]:
    """The head's prediction for each item, in order."""
    kind = task_kind(head.config, model.variant.finetuning)
    logits = logits_of(model, head, items)
    return [kind.decode(item, its) for item, its in zip(items, logits, strict=True)]
