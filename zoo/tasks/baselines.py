"""What a system that reads no sentence reaches: the floor under every score in a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any, TypeAlias

from zoo.core.errors import RunFailed
from zoo.tasks.task import Dataset, Example, Task, labels_of

Predictions: TypeAlias = dict[str, list[int] | list[float]]
"""By development split, a class id or a score for every item in order."""

STRENGTHS = (0.01, 0.1, 1.0, 10.0)
"""How strongly weights are held near zero; cross-validation chooses."""

FOLDS = 3
CHOSEN_ON = 5_000
"""The most training items that the strength is chosen on, so that the large tasks stay quick."""

MAX_FEATURES = 20_000
WORD = r"\w+|[^\w\s]"


def majority(dataset: Dataset, task: Task) -> Predictions:
    """The commonest class of the train split, the lowest id in a tie, or its mean score, for every item."""
    labels = labels_of(_labelled(dataset, task))
    counts = Counter(labels)
    answer = fmean(labels) if task.kind == "regression" else int(min(counts, key=lambda label: (-counts[label], label)))
    return {split: [answer] * len(dataset.splits[split]) for split in task.dev_splits}


def bag_of_words(dataset: Dataset, task: Task, seed: int) -> Predictions:
    """Logistic or ridge regression on counts of words and word pairs, and on how far the two texts of a pair overlap.

    The strength of regularisation is chosen by cross-validation within the train split; `seed` draws the folds.
    """
    items = _labelled(dataset, task)
    labels = labels_of(items)
    if len(set(labels)) == 1:
        return majority(dataset, task)
    features = _Features(items, task.pair)
    regression = _tuned(task, features(items), labels, seed)
    made: Predictions = {}
    for split in task.dev_splits:
        answers = regression.predict(features(dataset.splits[split])).tolist()
        made[split] = [float(a) for a in answers] if task.kind == "regression" else [int(a) for a in answers]
    return made


def _labelled(dataset: Dataset, task: Task) -> Sequence[Example]:
    items = task.training_items(dataset)
    if not items:
        raise RunFailed(f"{task.name}: split {task.train_split!r} has no labelled items; a baseline needs some")
    return items


def _tuned(task: Task, features: Any, labels: Sequence[float], seed: int) -> Any:
    import numpy as np
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold

    targets = np.asarray(labels)
    chosen = np.random.default_rng(seed).permutation(len(targets))[:CHOSEN_ON]
    if task.kind == "regression":
        plain, grid, rarest = Ridge(), {"alpha": [1 / strength for strength in STRENGTHS]}, len(chosen)
    else:
        plain, grid = LogisticRegression(max_iter=5_000), {"C": list(STRENGTHS)}
        rarest = min(Counter(targets[chosen].tolist()).values())
    if rarest < FOLDS:
        return plain.fit(features, targets)
    kind = KFold if task.kind == "regression" else StratifiedKFold
    search = GridSearchCV(plain, grid, cv=kind(FOLDS, shuffle=True, random_state=seed), refit=False)
    best = search.fit(features[chosen], targets[chosen]).best_params_
    return plain.set_params(**best).fit(features, targets)


class _Features:
    """Items to rows of a sparse matrix; the words are those of the items it is made from."""

    def __init__(self, items: Sequence[Example], pair: bool) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        def counter(texts: list[str]) -> Any:
            return CountVectorizer(ngram_range=(1, 2), token_pattern=WORD, max_features=MAX_FEATURES).fit(texts)

        self.first = counter([item.first for item in items])
        self.second = counter([item.second or "" for item in items]) if pair else None
        self.words = self.first.build_tokenizer()

    def __call__(self, items: Sequence[Example]) -> Any:
        from scipy.sparse import csr_matrix, hstack

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
