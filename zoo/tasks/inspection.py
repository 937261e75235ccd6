"""What a task's data hold: how many items and labels, duplicates, overlap between splits, and lengths in tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Dataset, Example, Task

if TYPE_CHECKING:
    from zoo.core.interfaces import Tokenizer

MEASURED = 20_000
"""The most items per split whose lengths are measured; of more, so many at equal distances."""

WHOLE = 1_000_000
"""More tokens than any text has, so that nothing is cut when lengths are measured."""


@dataclass(frozen=True)
class SplitFacts:
    """The items of a split.

    `repeated` items have the texts of an earlier one, and `contradicting` ones another label than it; `known` ones have
    the texts of an item of the training split. `labels` counts labels by name, or the values of those that are numbers.
    """

    n_items: int
    unlabelled: int
    empty: int
    repeated: int
    contradicting: int
    known: int
    labels: Mapping[str | float, int]


@dataclass(frozen=True)
class Lengths:
    """The tokens of the longest sequence of each item of a split, and how many items are longer than a model reads."""

    n_measured: int
    median: int
    most: int
    percentile_95: int
    too_long: int


def facts_of(task: Task, dataset: Dataset) -> dict[str, SplitFacts]:
    """The facts of each split."""
    training = {hash(item.texts) for item in dataset.splits.get(task.train_split, ())}
    return {
        split: _facts(task, items, set() if split == task.train_split else training)
        for split, items in dataset.splits.items()
    }


def _facts(task: Task, items: Sequence[Example], training: set[int]) -> SplitFacts:
    seen: dict[int, Any] = {}
    repeated = contradicting = known = 0
    for item in items:
        key = hash(item.texts)
        repeated += key in seen
        contradicting += seen.setdefault(key, item.label) != item.label
        known += key in training
    return SplitFacts(
        n_items=len(items),
        unlabelled=sum(item.label is None for item in items),
        empty=sum("" in item.texts for item in items),
        repeated=repeated,
        contradicting=contradicting,
        known=known,
        labels=Counter(name for item in items for name in _label_names(task, item)),
    )


def _label_names(task: Task, item: Example) -> Iterator[str | float]:
    """A label as it is counted: each class by name, or a number."""
    if isinstance(item.label, tuple) and task.labels:
        yield from (task.labels[index] for index in item.label if isinstance(index, int))
    elif isinstance(item.label, int | float):
        yield task.labels[int(item.label)] if task.labels else item.label


def measured(task: Task, items: Sequence[Example], tokenizer: Tokenizer, max_length: int) -> Lengths:
    """The lengths of items as a model reads them, with special tokens."""
    import numpy as np

    step = -(-len(items) // MEASURED)
    encoded, _ = task_kind(task).encode(items[::step], tokenizer, WHOLE)
    lengths = np.array([max(map(len, item.encodings)) for item in encoded])
    median, percentile = np.percentile(lengths, [50, 95], method="higher").tolist()
    return Lengths(len(lengths), median, int(lengths.max()), percentile, int((lengths > max_length).sum()))
