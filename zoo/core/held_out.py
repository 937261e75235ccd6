"""What an evaluation on text finds."""

from __future__ import annotations

import math

from zoo.core.specs import Record


class HeldOutScore(Record):
    """One objective's mean loss and accuracy, over so many predictions."""

    loss: float
    accuracy: float | None
    predictions: int

    @property
    def perplexity(self) -> float:
        """e to the mean loss: among how many equally likely words the model is undecided."""
        return math.exp(min(self.loss, 700.0))
