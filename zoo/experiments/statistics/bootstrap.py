"""Scores on resampled items: every metric as a function of how often each item was drawn, many draws at once.

Legend: R draws, K seeds, N items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import Scored, main_metrics

Array: TypeAlias = NDArray[Any]

LARGEST = 2_000_000
"""The most draws times items at once, which bounds memory on large development sets."""


def resampled(
    task: Scored, gold: Mapping[str, Sequence[Any]], predictions: Mapping[str, Sequence[Sequence[Any]]], n_draws: int
) -> Array:
    """Main scores [R, K] of predictions, by split those of each seed, on items drawn with replacement.

    All systems get the same draws of the same items, so that differences are paired by item.
    """
    kind, metrics = task_kind(task), main_metrics(task).values()
    per_split = []
    for index, split in enumerate(sorted(predictions)):
        truth, made = kind.side(gold[split]), [kind.side(values) for values in predictions[split]]
        chunks = [
            np.mean([metric.sign * metric.resampled(truth, made, weights) for metric in metrics], axis=0)
            for weights in draws(len(gold[split]), n_draws, index)
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
