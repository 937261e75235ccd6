"""What a pair reveals without reading a word, and how much of a label that predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import Passage

FOLDS = 5


def looks(passages: Sequence[Passage]) -> NDArray[np.float64]:
    """Of each pair the lengths, with sums, squares and parity, and where a sentence is cut. [n, 11]"""
    second = np.array([0 if passage.second is None else len(passage.second) for passage in passages], dtype=np.float64)
    first = np.array([len(passage) for passage in passages]) - second
    cuts = np.array([passage.cuts for passage in passages], dtype=np.float64)
    lengths = (first, second, first + second, first - second, first**2, second**2, first % 2, second % 2)
    return np.column_stack([*lengths, cuts])


def guessed(shown: NDArray[np.float64], labels: Sequence[int]) -> tuple[float, float]:
    """The share of labels that the better of two classifiers guesses right, and the share of the commonest label.

    Logistic regression and gradient boosting, each trained on four fifths of the pairs and tested on the rest.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models: list[Any] = [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)),
        HistGradientBoostingClassifier(max_iter=50, random_state=0),
    ]
    truth = np.array(labels)
    right = max(float((cross_val_predict(model, shown, truth, cv=FOLDS) == truth).mean()) for model in models)
    return right, float(np.bincount(truth).max() / len(truth))
