"""Metrics of numbers, as scipy computes them; a correlation with a constant is 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from zoo.tasks.metrics.metric import Array, Metric, Side, of_counts, ratio, share

KIND = "regression"


def _pearson(gold: Side, made: Side) -> float:
    from scipy.stats import pearsonr

    return float(pearsonr(gold, made).statistic)


def _spearman(gold: Side, made: Side) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(gold, made).statistic)


def _zero_if_constant(correlation: Callable[[Side, Side], float]) -> Callable[[Side, Side], float]:
    """The correlation, or 0 where a side is constant up to rounding and it is undefined; scipy would warn there."""

    def value(gold: Side, made: Side) -> float:
        for side in (gold, made):
            if side.max() - side.min() <= 1e-12 * abs(side).max():
                return 0.0
        return correlation(gold, made)

    return value


def _drawn_pearson(gold: Side, predictions: Sequence[Side], weights: Array) -> Array:
    return np.stack([_correlation(gold, made, weights) for made in predictions], axis=1)


def _drawn_spearman(gold: Side, predictions: Sequence[Side], weights: Array) -> Array:
    of_gold = _ranks(gold, weights)
    return np.stack([_correlation(of_gold, _ranks(made, weights), weights) for made in predictions], axis=1)


def _ranks(values: Array, weights: Array) -> Array:
    """Mean ranks [R, N] of values when each occurs as often as its weight says."""
    groups, which = np.unique(values, return_inverse=True)
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(len(groups)))
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks: Array = (np.cumsum(sizes, axis=1) - (sizes - 1) / 2)[:, which]
    return ranks


def _correlation(first: Array, second: Array, weights: Array) -> Array:
    """Of [N] or [R, N] with the same, for every draw: [R]."""
    total = weights.sum(1, keepdims=True)
    sides = [side - (weights * side).sum(1, keepdims=True) / total for side in (first, second)]
    covariance, *variances = (
        np.einsum("rn,rn,rn->r", weights, a, b)
        for a, b in ((sides[0], sides[1]), (sides[0], sides[0]), (sides[1], sides[1]))
    )
    # What rounding leaves of a constant side is no spread.
    floors = [1e-24 * (np.abs(side).max() ** 2) * total[:, 0] for side in (first, second)]
    constant = (variances[0] <= floors[0]) | (variances[1] <= floors[1])
    return ratio(np.where(constant, 0.0, covariance), np.sqrt(np.where(constant, 0.0, variances[0] * variances[1])))


def _errors(gold: Side, made: Side) -> Array:
    return np.stack([np.abs(gold - made), np.ones(len(gold))], axis=1)


METRICS = (
    Metric("pearson", KIND, _zero_if_constant(_pearson), range=(-1.0, 1.0), drawn=_drawn_pearson),
    Metric("spearman", KIND, _zero_if_constant(_spearman), range=(-1.0, 1.0), drawn=_drawn_spearman),
    of_counts("mean-absolute-error", KIND, _errors, share, higher_is_better=False, range=(0.0, float("inf"))),
)
