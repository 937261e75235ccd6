"""The one training loop, for pre-training and fine-tuning alike."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from zoo.core.batch import Batch
from zoo.core.errors import RunFailed
from zoo.core.specs import Recipe
from zoo.model import Model
from zoo.train.distributed import whole
from zoo.train.optimizers import make_optimizer
from zoo.train.schedule import learning_rate
from zoo.train.step import Step, StepConfig, add_gradients, count_labels

Progress = Callable[[int, int], None]
"""Called with (steps done, all steps)."""


@dataclass
class History:
    """What the loop saw: per objective, the loss and, where there are classes, the accuracy of every step."""

    losses: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    accuracies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    n_tokens: int = 0
    n_sequences: int = 0

    def add(self, step: Step) -> None:
        """Append one step."""
        self.n_tokens += step.n_tokens
        self.n_sequences += step.n_sequences
        for name, loss in step.losses.items():
            self.losses[name].append(loss)
        for name, accuracy in step.accuracies.items():
            self.accuracies[name].append(accuracy)


def fit(
    model: Model,
    batches: Iterable[Batch],
    recipe: Recipe,
    n_steps: int,
    progress: Progress,
    how: StepConfig | None = None,
) -> History:
    """Train for `n_steps` steps from the start. Raises as `train` does."""
    history = History()
    for step in train(model, make_optimizer(model, recipe), batches, recipe, n_steps, how=how):
        history.add(step)
        progress(step.number, n_steps)
    return history


def train(
    model: Model,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Batch],
    recipe: Recipe,
    n_steps: int,
    *,
    done: int = 0,
    how: StepConfig | None = None,
) -> Iterator[Step]:
    """Train on the weighted sum of the objectives' losses, from step `done` up to `n_steps`, one step at a time.

    Raises RunFailed if a loss is NaN or infinite, if the batches end early, or if one cannot be divided.
    """
    how = how or StepConfig()
    runner = how.distributed.wrap_ddp(model)
    model.train()
    stream = iter(batches)
    for index in range(done, n_steps):
        began = time.perf_counter()
        batch = next(stream, None)
        if batch is None:
            raise RunFailed(f"the data ended after {index} of {n_steps} steps")
        arrived = time.perf_counter()
        rate = learning_rate(index, n_steps, recipe)
        tally = add_gradients(model, runner, batch, index, how)
        stop = tally.all_reduce(how, how.compute.torch_device)
        summed = time.perf_counter()
        where = f"at step {index + 1} of {n_steps}, {_documents(batch)}"
        _refuse_nan({f"the loss of {name}": loss for name, loss in tally.losses.items()}, where)
        norm = _update(model, optimizer, rate, recipe, where)
        ended = time.perf_counter()
        yield Step(
            number=index + 1,
            losses=tally.losses,
            accuracies=tally.accuracies,
            labels=count_labels(batch),
            n_tokens=len(batch.ids),
            n_sequences=batch.layout.n_sequences,
            learning_rate=rate,
            gradient_norm=norm,
            seconds=ended - began,
            compute_seconds=tally.compute_seconds + ended - summed,
            data_wait_seconds=arrived - began,
            stop=stop,
        )


def _update(model: Model, optimizer: torch.optim.Optimizer, rate: float, recipe: Recipe, where: str) -> float | None:
    """Clip the gradients and take the optimizer's step; the norm that they had, if it is looked at."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    parameters = list(model.parameters())
    norm = whole(nn.utils.clip_grad_norm_(parameters, recipe.clip_norm)).item() if recipe.clip_norm else None
    _refuse_nan({"the gradient's norm": norm or 0.0}, where)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def _documents(batch: Batch) -> str:
    """Which documents a batch is of, for a message."""
    documents = sorted(set(batch.documents))
    if not documents:
        return f"in a batch of {batch.layout.n_sequences} sequences"
    more = f" and {len(documents) - 8} more" if len(documents) > 8 else ""
    return f"in a batch of documents {', '.join(map(str, documents[:8]))}{more}"


def _refuse_nan(values: dict[str, float], where: str) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise RunFailed(f"{name} is {value} {where}; try a lower learning rate, a longer warm-up, or fp32")
