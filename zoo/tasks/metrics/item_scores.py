"""The metric of scores that another tool has given to each item."""

from __future__ import annotations

import numpy as np

from zoo.tasks.metrics.metric import Array, Side, of_counts, share


def _counts(gold: Side, made: Side) -> Array:
    """Each item's score, and one. [N, 2]"""
    return np.stack([made, np.ones(len(made))], axis=1)


METRICS = (of_counts("mean", "item-scores", _counts, share, range=(-1.0, 1.0)),)
