"""Metrics of classes, as scikit-learn computes them, which is imported for those that only it should compute.

Undefined values are 0, as the field reports them: a correlation with a constant, F1 without a true positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zoo.tasks.metrics.metric import Array, Metric, Side, f1_of, hits, of_counts, ratio, share

KIND = "classification"


def _accuracy(gold: Side, made: Side) -> float:
    return float(np.mean(gold == made))


def _f1(gold: Side, made: Side) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(gold, made, zero_division=0.0))


def _matthews(gold: Side, made: Side) -> float:
    from sklearn.metrics import matthews_corrcoef

    return 0.0 if any(side.min() == side.max() for side in (gold, made)) else float(matthews_corrcoef(gold, made))


def _drawn_accuracy(gold: Side, predictions: Sequence[Side], weights: Array) -> Array:
    return ratio(weights @ (np.stack(predictions) == gold).T, weights.sum(1)[:, None])


def _drawn_f1(gold: Side, predictions: Sequence[Side], weights: Array) -> Array:
    made = np.stack(predictions)
    met = weights @ ((made == 1) & (gold == 1)).T
    return ratio(2 * met, weights @ (made == 1).T + (weights @ (gold == 1))[:, None])


def _drawn_matthews(gold: Side, predictions: Sequence[Side], weights: Array) -> Array:
    """Of any number of classes (Gorodkin 2004)."""
    made = np.stack(predictions)
    total = weights.sum(1)[:, None]
    covariance = total * (weights @ (made == gold).T)
    spread_of_gold = np.repeat(total**2, len(made), axis=1)
    spread_of_made = spread_of_gold.copy()
    for label in np.union1d(gold, made):
        of_gold, of_made = (weights @ (gold == label))[:, None], weights @ (made == label).T
        covariance -= of_gold * of_made
        spread_of_gold -= of_gold**2
        spread_of_made -= of_made**2
    return ratio(covariance, np.sqrt(spread_of_gold * spread_of_made))


def counts_by_class(gold: Side, made: Side) -> Array:
    """Hits, predictions and gold labels of each class. [N, C * 3]"""
    classes = np.arange(max(gold.max(), made.max()) + 1)
    of_gold, of_made = gold[:, None] == classes, made[:, None] == classes
    counts = np.stack([of_gold & of_made, of_made, of_gold], axis=-1)
    return counts.reshape(len(gold), -1).astype(np.float64)


def macro_f1(counts: Array) -> Array:
    """The mean F1 of the classes that occur among gold labels or predictions."""
    by_class = counts.reshape(*counts.shape[:-1], -1, 3)
    occurs = by_class[..., 1] + by_class[..., 2] > 0
    return ratio((f1_of(by_class) * occurs).sum(-1), occurs.sum(-1))


def weighted_f1(counts: Array) -> Array:
    """The mean F1 of the classes, each as often as it occurs among gold labels."""
    by_class = counts.reshape(*counts.shape[:-1], -1, 3)
    return ratio((f1_of(by_class) * by_class[..., 2]).sum(-1), by_class[..., 2].sum(-1))


def _same_in_pairs(gold: Side, made: Side) -> Array:
    """Counts [N, 2] of pairs with equal predictions, at the first item of each two, and nothing at the second."""
    counts = np.zeros((len(made), 2))
    firsts = made[: len(made) // 2 * 2 : 2]
    counts[: 2 * len(firsts) : 2] = hits(firsts == made[1::2])
    return counts


def _two_labels(labels: Sequence[str]) -> str | None:
    return None if len(labels) == 2 else "needs two labels, of which it scores the second"


_OF_CLASSES = (
    Metric("accuracy", KIND, _accuracy, drawn=_drawn_accuracy),
    Metric("f1", KIND, _f1, drawn=_drawn_f1, problem=_two_labels),
    of_counts("macro-f1", KIND, counts_by_class, macro_f1),
    of_counts("weighted-f1", KIND, counts_by_class, weighted_f1),
    Metric("matthews", KIND, _matthews, range=(-1.0, 1.0), drawn=_drawn_matthews),
    # Items two by two that differ in a pronoun's gender, as SuperGLUE scores AX-g (Wang et al. 2019, section 3.3).
    of_counts("gender-parity", KIND, _same_in_pairs, share, in_main_score=False),
    # The Matthews correlation of three classes (Gorodkin 2004), as GLUE scores AX.
    Metric("r3", KIND, _matthews, range=(-1.0, 1.0), drawn=_drawn_matthews),
)

METRICS = (
    *_OF_CLASSES,
    *(replace(metric, kind="span-classification") for metric in _OF_CLASSES),
    *(
        of_counts("accuracy", kind, lambda gold, made: hits(gold == made), share)
        for kind in ("multiple-choice", "minimal-pairs")
    ),
)
