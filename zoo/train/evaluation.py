"""How well a model does on text that it was not trained on."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import torch

from zoo.core.batch import Batch
from zoo.core.specs import Record
from zoo.machine.compute import Compute
from zoo.model import Model


class Score(Record):
    """One objective's mean loss and share of correct predictions, over so many predictions."""

    loss: float
    accuracy: float | None
    predictions: int

    @property
    def perplexity(self) -> float:
        """e to the mean loss; for words, how many the model is torn between."""
        return math.exp(min(self.loss, 700.0))


def evaluate(model: Model, batches: Iterable[Batch], compute: Compute | None = None) -> dict[str, Score]:
    """Every objective's score over all batches; the model is left in training mode, if it was in it."""
    training = model.training
    compute = compute or Compute()
    losses: dict[str, float] = defaultdict(float)
    hits: dict[str, int] = defaultdict(int)
    classified: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    model.eval()
    with torch.no_grad(), compute.autocast():
        for batch in batches:
            for name, output in model(batch.to(compute.torch_device)).items():
                n = int(model.objective(name).n_targets(batch))
                counts[name] += n
                losses[name] += output.loss.item() * n
                met, counted = output.hits()
                hits[name] += int(met)
                classified[name] += int(counted)
    model.train(training)
    return {
        name: Score(
            loss=losses[name] / max(1, n),
            accuracy=hits[name] / classified[name] if classified[name] else None,
            predictions=n,
        )
        for name, n in counts.items()
    }
