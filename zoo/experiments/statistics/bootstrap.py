"""Scores on resampled items: every metric as a function of how often each item was drawn, all draws at once.

Legend: R draws, K seeds, N items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

LARGEST = 2_000_000
"""Draws times items at once, so that the largest development sets need little more memory than the smallest."""


def resampled(
    targets: Mapping[str, Sequence[float]],
    predictions: Mapping[str, Array],
    metrics: Sequence[str],
    n_draws: int,
) -> Array:
    """Main scores [R, K] of predictions (by split, [K, N]) on items drawn with replacement.

    Every system on the same targets meets the same draws, so that their differences are paired by item.
    """
    per_split = []
    for index, split in enumerate(sorted(predictions)):
        truth, made = np.asarray(targets[split]), predictions[split]
        chunks = [
            np.mean([WEIGHTED[metric](truth, made, weights) for metric in metrics], axis=0)
            for weights in draws(len(truth), n_draws, index)
        ]
        per_split.append(np.concatenate(chunks))
    main_scores: Array = np.mean(per_split, axis=0)
    return main_scores


def draws(n: int, n_draws: int, seed: int) -> Iterator[Array]:
    """How often each of n is drawn when n are drawn with replacement: [R, n] in pieces, the same for the same seed."""
    generator = np.random.default_rng(seed)
    size = max(1, LARGEST // n)
    for start in range(0, n_draws, size):
        yield generator.multinomial(n, np.full(n, 1 / n), size=min(size, n_draws - start)).astype(np.float64)


def _accuracy(targets: Array, predictions: Array, weights: Array) -> Array:
    return _ratio(weights @ (predictions == targets).T, weights.sum(1)[:, None])


def _f1(targets: Array, predictions: Array, weights: Array) -> Array:
    hits = weights @ ((predictions == 1) & (targets == 1)).T
    return _ratio(2 * hits, weights @ (predictions == 1).T + (weights @ (targets == 1))[:, None])


def _matthews(targets: Array, predictions: Array, weights: Array) -> Array:
    """Of any number of classes (Gorodkin 2004)."""
    total = weights.sum(1)[:, None]
    covariance = total * (weights @ (predictions == targets).T)
    spread_of_targets = np.repeat(total**2, len(predictions), axis=1)
    spread_of_predictions = spread_of_targets.copy()
    for label in np.union1d(targets, predictions):
        of_targets, of_predictions = (weights @ (targets == label))[:, None], weights @ (predictions == label).T
        covariance -= of_targets * of_predictions
        spread_of_targets -= of_targets**2
        spread_of_predictions -= of_predictions**2
    return _ratio(covariance, np.sqrt(spread_of_targets * spread_of_predictions))


def _pearson(targets: Array, predictions: Array, weights: Array) -> Array:
    return np.stack([_correlation(targets, row, weights) for row in predictions], axis=1)


def _spearman(targets: Array, predictions: Array, weights: Array) -> Array:
    of_targets = _ranks(targets, weights)
    return np.stack([_correlation(of_targets, _ranks(row, weights), weights) for row in predictions], axis=1)


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
    return _ratio(np.where(constant, 0.0, covariance), np.sqrt(np.where(constant, 0.0, variances[0] * variances[1])))


def _ratio(above: Array, below: Array) -> Array:
    """A quotient, 0 where it is undefined, as zoo.tasks.metrics has it."""
    quotient: Array = np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0)
    return quotient


WEIGHTED: Mapping[str, Callable[[Array, Array, Array], Array]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "r3": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}
"""The metrics of zoo.tasks.metrics: targets [N], predictions [K, N], weights [R, N] to scores [R, K]."""
