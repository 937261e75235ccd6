"""Metrics of several right answers: sides are the set of places of each question; Khashabi et al. 2018, section 5."""

from __future__ import annotations

import numpy as np

from zoo.tasks.metrics.metric import Array, Side, f1_of, hits, of_counts, share

KIND = "multiple-answers"


def _counts(gold: Side, made: Side) -> Array:
    """Hits, predicted and gold answers of each question. [N, 3]"""
    return np.array([[len(a & b), len(b), len(a)] for a, b in zip(gold, made, strict=True)], dtype=np.float64)


def _equal(gold: Side, made: Side) -> Array:
    return hits(np.array([a == b for a, b in zip(gold, made, strict=True)]))


METRICS = (
    # F1 of all answers together, which the papers call F1a.
    of_counts("f1a", KIND, _counts, f1_of),
    of_counts("exact-match", KIND, _equal, share),
)
