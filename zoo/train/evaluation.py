"""How well a model does on text that it was not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

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
        found = [each for batch in batches for each in _numbers(model, batch, compute.torch_device)]
    numbers = torch.stack([its for *_, its in found]).tolist() if found else []  # a device is waited for once
    for (name, n, _), (loss, met, counted) in zip(found, numbers, strict=True):
        counts[name] += n
        losses[name] += loss * n
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


def _numbers(model: Model, batch: Batch, device: torch.device) -> Iterator[tuple[str, int, Tensor]]:
    """Of each objective the name and the number of predictions; and loss, hits and classified ones on the device."""
    for name, output in model(batch.to(device)).items():
        numbers = torch.stack([output.loss.detach(), *output.hits()]).double()
        yield name, int(model.n_targets(name, batch)), numbers
