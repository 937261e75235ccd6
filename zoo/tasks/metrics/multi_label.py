"""Metrics of several labels at once: sides are [N, C] of zeros and ones."""

from __future__ import annotations

import numpy as np

from zoo.tasks.metrics.metric import Array, Side, f1_of, hits, of_counts, share

KIND = "multi-label"


def _counts(gold: Side, made: Side) -> Array:
    """Hits, predictions and gold labels of each label. [N, C * 3]"""
    counts: Array = np.stack([gold & made, made, gold], axis=-1).reshape(len(gold), -1).astype(np.float64)
    return counts


def _pooled(gold: Side, made: Side) -> Array:
    """The same of all labels together. [N, 3]"""
    pooled: Array = _counts(gold, made).reshape(len(gold), -1, 3).sum(axis=1)
    return pooled


def _macro(counts: Array) -> Array:
    """The mean F1 of all labels; of one that never occurs it is 0."""
    means: Array = f1_of(counts.reshape(*counts.shape[:-1], -1, 3)).mean(axis=-1)
    return means


def _single(gold: Side, made: Side) -> Array:
    return np.stack([(gold == made).sum(axis=1), np.full(len(gold), gold.shape[1])], axis=1).astype(np.float64)


METRICS = (
    of_counts("micro-f1", KIND, _pooled, f1_of),
    of_counts("macro-f1", KIND, _counts, _macro),
    of_counts("exact-match", KIND, lambda gold, made: hits((gold == made).all(axis=1)), share),
    of_counts("label-accuracy", KIND, _single, share),
)
