"""Baselines of questions with choices, none of which reads word order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from zoo.tasks.baselines import CHOSEN_ON, FOLDS, STRENGTHS, Features, Predictions, labelled, logistic_regression
from zoo.tasks.task import Dataset, Example, Task, labels_of


def majority_place(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """The place among an item's own choices that is most often right in the train split, the first in a tie."""
    counts = Counter(labels_of(labelled(dataset, task)))
    return _answered(dataset, task, lambda item: max(_places(item), key=lambda place: (counts[place], -place)))


def longest_choice(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """The choice with the most characters, the first in a tie; it learns nothing."""
    return _answered(dataset, task, lambda item: max(_places(item), key=lambda place: len(item.choices[place])))


def shorter_choice(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """The choice with the fewest characters, a random one in a tie, which `seed` draws; it learns nothing."""
    draw = random.Random(seed)
    return _answered(
        dataset, task, lambda item: min(_places(item), key=lambda place: (len(item.choices[place]), draw.random()))
    )


def choice_regression(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """Logistic regression on bags of words of a text and a choice, and the choice that it finds most probable.

    Features and their regularisation are those of `zoo.tasks.baselines.logistic_regression`. Its strength is the one
    with the best accuracy over questions in cross-validation, whose folds hold whole questions; `seed` draws them.
    """
    items = labelled(dataset, task)
    features = Features(list(_pairs(items)), pair=True)
    model = _tuned(items, features, seed)
    return {split: _chosen(model, features, dataset.splits[split]) for split in task.dev_splits}


def majority_answer(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """All of an item's answers if more than half of the train split's are right, else none."""
    right = [place in item.label for item in labelled(dataset, task) for place in _places(item)]
    return {
        split: [[*_places(item)] if 2 * sum(right) > len(right) else [] for item in dataset.splits[split]]
        for split in task.dev_splits
    }


def answer_regression(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """The answers that `zoo.tasks.baselines.logistic_regression` finds right, each by itself."""
    splits = {name: tuple(_pairs(items)) for name, items in dataset.splits.items() if name in task.dev_splits}
    learned = {**splits, task.train_split: tuple(_pairs(labelled(dataset, task)))}
    judged = logistic_regression(replace(dataset, splits=learned), task.model_copy(update={"pair": True}), seed)
    return {split: _gathered(dataset.splits[split], its) for split, its in judged.items()}


def _gathered(items: Sequence[Example], judged: Sequence[int]) -> list[list[int]]:
    """By item, the places of its answers that are judged right."""
    left = iter(judged)
    return [[place for place in _places(item) if next(left)] for item in items]


def _places(item: Example) -> range:
    return range(len(item.choices))


def _answered(dataset: Dataset, task: Task, answer: Callable[[Example], int]) -> Predictions:
    return {split: [answer(item) for item in dataset.splits[split]] for split in task.dev_splits}


def _pairs(items: Sequence[Example]) -> Iterator[Example]:
    """Each choice with its text as an item of its own, labelled 1 if it is right."""
    for item in items:
        right = item.label if isinstance(item.label, tuple) else (item.label,)
        yield from (Example(item.first, choice, int(place in right)) for place, choice in enumerate(item.choices))


def _tuned(items: Sequence[Example], features: Features, seed: int) -> Any:
    """The model fitted on all items with the strength that answers the most questions of folds left out."""
    parts = np.array_split(np.random.default_rng(seed).permutation(len(items))[:CHOSEN_ON], FOLDS)

    def accuracy(strength: float) -> float:
        met = 0
        for left_out in parts:
            kept = [items[place] for part in parts if part is not left_out for place in part]
            asked = [items[place] for place in left_out]
            made = _chosen(_fitted(kept, features, strength), features, asked)
            met += sum(place == item.label for place, item in zip(made, asked, strict=True))
        return met

    few = len(items) < 2 * FOLDS
    return _fitted(items, features, 1.0 if few else max(STRENGTHS, key=accuracy))


def _fitted(items: Sequence[Example], features: Features, strength: float) -> Any:
    rows = list(_pairs(items))
    return LogisticRegression(C=strength, max_iter=5_000).fit(features(rows), labels_of(rows))


def _chosen(model: Any, features: Features, items: Sequence[Example]) -> list[int]:
    """By item, the place of its most probable choice."""
    scores: NDArray[Any] = model.decision_function(features(list(_pairs(items))))
    ends = np.cumsum([len(item.choices) for item in items])[:-1]
    return [int(its.argmax()) for its in np.split(scores, ends)]
