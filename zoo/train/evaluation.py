"""How well a model does on text that it was not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch

from zoo.core.batch import Batch
from zoo.core.held_out import HeldOutScore
from zoo.machine.compute import Compute
from zoo.model import Model


def evaluate(model: Model, batches: Iterable[Batch], compute: Compute | None = None) -> dict[str, HeldOutScore]:
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
        name: HeldOutScore(
            loss=losses[name] / max(1, n),
            accuracy=hits[name] / classified[name] if classified[name] else None,
            predictions=n,
        )
        for name, n in counts.items()
    }
