"""The result of an evaluation on text."""

from __future__ import annotations

import math

from zoo.core.specs import Record


class HeldOutScore(Record):
    """One objective's mean loss and accuracy, with the number of predictions."""

    loss: float
    accuracy: float | None
    predictions: int

    @property
    def perplexity(self) -> float:
        """e to the power of the mean loss."""
        return math.exp(min(self.loss, 700.0))
