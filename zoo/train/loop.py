"""The one training loop, for pre-training and fine-tuning alike."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch

from zoo.batch import Batch, Output
from zoo.errors import RunFailed
from zoo.model import Model
from zoo.specs import Recipe
from zoo.train.optimizers import make_optimizer

Progress = Callable[[int, int], None]
"""Told (steps done, steps in all)."""


@dataclass
class Log:
    """What the loop saw: per objective, the loss and, where there are classes, the accuracy of every step."""

    losses: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    accuracies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    n_tokens: int = 0
    n_sequences: int = 0

    def add(self, batch: Batch, outputs: dict[str, Output]) -> None:
        """Take one step's outputs in."""
        self.n_tokens += len(batch.ids)
        self.n_sequences += batch.layout.n_sequences
        for name, output in outputs.items():
            self.losses[name].append(output.loss.item())
            if output.logits.ndim == 2 and len(output.targets):
                hits = output.logits.detach().argmax(dim=1) == output.targets
                self.accuracies[name].append(hits.float().mean().item())


def learning_rate(step: int, n_steps: int, recipe: Recipe) -> float:
    """A linear rise over the warm-up share of the steps, then a linear fall to zero; Devlin et al. 2019, app. A.2."""
    n_warmup = max(1, round(recipe.warmup * n_steps))
    rise = (step + 1) / n_warmup
    fall = (n_steps - step) / max(1, n_steps - n_warmup)
    return recipe.learning_rate * max(0.0, min(1.0, rise, fall))


def fit(model: Model, batches: Iterable[Batch], recipe: Recipe, n_steps: int, progress: Progress) -> Log:
    """Train for `n_steps` steps on the sum of the objectives' losses.

    Raises RunFailed where a loss is NaN or infinite, or where the batches end early.
    """
    optimizer = make_optimizer(model, recipe)
    parameters = list(model.parameters())
    device = parameters[0].device
    log = Log()
    model.train()
    stream = iter(batches)
    for step in range(n_steps):
        batch = next(stream, None)
        if batch is None:
            raise RunFailed(f"the data ended after {step} of {n_steps} steps")
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, n_steps, recipe)
        outputs = model(batch.to(device))
        log.add(batch, outputs)
        _refuse_nan(log, step, n_steps)
        torch.stack([output.loss for output in outputs.values()]).sum().backward()  # type: ignore[no-untyped-call]
        if recipe.clip_norm:
            torch.nn.utils.clip_grad_norm_(parameters, recipe.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress(step + 1, n_steps)
    return log


def _refuse_nan(log: Log, step: int, n_steps: int) -> None:
    for name, losses in log.losses.items():
        if not math.isfinite(losses[-1]):
            raise RunFailed(
                f"the loss of {name} is {losses[-1]} at step {step + 1} of {n_steps}; try a lower learning rate"
            )
