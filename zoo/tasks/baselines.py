"""Baselines, which read no sentence order: the floor under every score in a comparison."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold

from zoo.core.errors import RunFailed
from zoo.tasks.tagging import CHARACTERS, word_spans
from zoo.tasks.task import Dataset, Example, Task, labels_of

Predictions: TypeAlias = dict[str, list[Any]]
"""By development split, a prediction for every item in order."""

STRENGTHS = (0.01, 0.1, 1.0, 10.0)
"""How strongly weights are held near zero; cross-validation chooses."""

FOLDS = 3
CHOSEN_ON = 5_000
"""The most training items that the strength is chosen on, so that the large tasks stay quick."""

MAX_FEATURES = 20_000
WORD = r"\w+|[^\w\s]"


def majority_class(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """The most frequent class of the train split, the lowest id in a tie, for every item."""
    return _constant(dataset, task, _most_frequent(labels_of(labelled(dataset, task))))


def majority_set(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """The most frequent set of labels, for every item."""
    return _constant(dataset, task, list(_most_frequent(map(tuple, labels_of(labelled(dataset, task))))))


def mean_score(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """The mean score of the train split, for every item."""
    return _constant(dataset, task, fmean(labels_of(labelled(dataset, task))))


def majority_tag(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """The most frequent tag of the train split, for every word."""
    return _tagged(dataset, task, lambda word, majority: majority)


def most_frequent_tag(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """Each word's most frequent tag in the train split, and the most frequent of all for a word that is not there."""
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    for item in labelled(dataset, task):
        for word, tag in zip(_words(task, item), item.label, strict=True):
            seen[word][tag] += 1
    known = {word: _first_of(counts) for word, counts in seen.items()}
    return _tagged(dataset, task, known.get)


def logistic_regression(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """Logistic regression on bags of words.

    Features are counts of words and word pairs, and how far the two texts of a pair overlap. The strength of
    regularisation is chosen by cross-validation within the train split; `seed` draws the folds.
    """
    items = labelled(dataset, task)
    labels = labels_of(items)
    if len(set(labels)) == 1:
        return majority_class(dataset, task, seed)
    features = Features(items, task.pair)
    made = _by_split(dataset, task, features, _classifier(features(items), labels, seed))
    return {split: [int(value) for value in values] for split, values in made.items()}


def one_regression_per_label(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """A logistic regression on bags of words for each label by itself."""
    items = labelled(dataset, task)
    features = Features(items, task.pair)
    rows = features(items)
    made: Predictions = {split: [[] for _ in dataset.splits[split]] for split in task.dev_splits}
    for index in range(len(task.labels)):
        holds = [int(index in label) for label in labels_of(items)]
        if len(set(holds)) == 1:
            answers = _constant(dataset, task, holds[0])
        else:
            answers = _by_split(dataset, task, features, _classifier(rows, holds, seed))
        for split, values in answers.items():
            for ids, value in zip(made[split], values, strict=True):
                ids += [index] if value else []
    return made


def ridge_regression(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """Ridge regression on the same features as `logistic_regression`."""
    items = labelled(dataset, task)
    labels = labels_of(items)
    if len(set(labels)) == 1:
        return mean_score(dataset, task, seed)
    features = Features(items, task.pair)
    grid = {"alpha": [1 / strength for strength in STRENGTHS]}
    fitted = _tuned(Ridge(), grid, KFold, features(items), labels, seed, rarest=len)
    return {
        split: [float(value) for value in values]
        for split, values in _by_split(dataset, task, features, fitted).items()
    }


def labelled(dataset: Dataset, task: Task) -> Sequence[Example]:
    """The items to learn from. Raises RunFailed if there are none."""
    items = task.training_items(dataset)
    if not items:
        raise RunFailed(f"{task.name}: split {task.train_split!r} has no labelled items; a baseline needs some")
    return items


def _constant(dataset: Dataset, task: Task, value: Any) -> Predictions:
    return {split: [value] * len(dataset.splits[split]) for split in task.dev_splits}


def _most_frequent(values: Any) -> Any:
    return _first_of(Counter(values))


def _first_of(counts: Counter[Any]) -> Any:
    """The most frequent, of equally frequent ones the lowest."""
    return min(counts, key=lambda value: (-counts[value], value))


def _words(task: Task, item: Example) -> list[str]:
    """The words of a text that are tagged, as the task divides them."""
    spans = word_spans(item.first, by_characters=task.options.get("words") == CHARACTERS)
    return [item.first[start:end] for start, end in spans]


def _tagged(dataset: Dataset, task: Task, tag: Callable[[str, int], int]) -> Predictions:
    """A tag for every word, from the word and the most frequent tag of all."""
    majority = _most_frequent(tag for label in labels_of(labelled(dataset, task)) for tag in label)
    return {
        split: [[tag(word, majority) for word in _words(task, item)] for item in dataset.splits[split]]
        for split in task.dev_splits
    }


def _classifier(features: Any, labels: Sequence[int], seed: int) -> Any:
    def rarest(chosen: Any) -> int:
        return min(Counter(chosen.tolist()).values())

    plain = LogisticRegression(max_iter=5_000)
    return _tuned(plain, {"C": list(STRENGTHS)}, StratifiedKFold, features, labels, seed, rarest)


def _tuned(
    plain: Any, grid: dict[str, list[float]], folds: Any, features: Any, labels: Sequence[float], seed: int, rarest: Any
) -> Any:
    """The model fitted with the best of a grid, or as it is where a fold would have too few of something."""
    targets = np.asarray(labels)
    chosen = np.random.default_rng(seed).permutation(len(targets))[:CHOSEN_ON]
    if rarest(targets[chosen]) < FOLDS:
        return plain.fit(features, targets)
    search = GridSearchCV(plain, grid, cv=folds(FOLDS, shuffle=True, random_state=seed), refit=False)
    best = search.fit(features[chosen], targets[chosen]).best_params_
    return plain.set_params(**best).fit(features, targets)


def _by_split(dataset: Dataset, task: Task, features: Features, fitted: Any) -> Predictions:
    return {split: fitted.predict(features(dataset.splits[split])).tolist() for split in task.dev_splits}


class Features:
    """Items to rows of a sparse matrix; the words are those of the items it is made from."""

    def __init__(self, items: Sequence[Example], pair: bool) -> None:
        def counter(texts: list[str]) -> Any:
            return CountVectorizer(ngram_range=(1, 2), token_pattern=WORD, max_features=MAX_FEATURES).fit(texts)

        self.first = counter([item.first for item in items])
        self.second = counter([item.second or "" for item in items]) if pair else None
        self.words = self.first.build_tokenizer()

    def __call__(self, items: Sequence[Example]) -> Any:
        first = self.first.transform([item.first for item in items])
        if self.second is None:
            return first
        second = self.second.transform([item.second or "" for item in items])
        overlaps = csr_matrix([self.overlap(item.first, item.second or "") for item in items])
        return hstack([first, second, overlaps]).tocsr()

    def overlap(self, first: str, second: str) -> list[float]:
        """Shares of words and of word pairs in common, and of the difference in length."""
        a, b = self.words(first.lower()), self.words(second.lower())
        words_a, words_b, pairs_a, pairs_b = set(a), set(b), set(pairwise(a)), set(pairwise(b))
        common = len(words_a & words_b)
        return [
            common / max(1, len(words_a | words_b)),
            common / max(1, len(words_a)),
            common / max(1, len(words_b)),
            len(pairs_a & pairs_b) / max(1, len(pairs_a | pairs_b)),
            (len(a) - len(b)) / max(1, len(a), len(b)),
        ]
