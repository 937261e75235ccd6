"""One training step: a batch, divided into micro-batches, to gradients and sums of losses."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor, nn

from zoo.core.batch import IGNORE, Batch, Output
from zoo.core.errors import RunFailed
from zoo.core.seeds import reseed, seed_of
from zoo.machine.compute import Compute, synchronize
from zoo.model import Model
from zoo.train.distributed import Distributed


class TooFewSequences(RunFailed):
    """A batch that cannot be divided into so many micro-batches."""


@dataclass(frozen=True)
class StepConfig:
    """How a step is carried out here; it changes results only by rounding and by which values dropout drops.

    A batch is divided into one micro-batch for each process and each of `gradient_accumulation_steps`; losses and
    gradients are those of the whole batch. With a seed, what is random in a micro-batch depends on the seed, the step
    and the micro-batch alone, so that no state of a generator is saved. `stop` is asked once per step whether to stop.
    """

    compute: Compute = field(default_factory=Compute)
    distributed: Distributed = field(default_factory=Distributed)
    gradient_accumulation_steps: int = 1
    seed: int | None = None
    stop: Callable[[], bool] = bool

    @property
    def n_micro_batches(self) -> int:
        """How many micro-batches make up a step, over all processes."""
        return self.distributed.size * self.gradient_accumulation_steps


@dataclass(frozen=True)
class Step:
    """One step done, over all processes: mean loss and accuracy by objective, and the seconds of its phases.

    `labels` counts the sequences by name and value of their labels, where each has one. `compute_seconds` is the time
    of forward and backward passes and the optimizer, `data_wait_seconds` that of waiting for the batch.
    """

    number: int
    losses: dict[str, float]
    accuracies: dict[str, float]
    labels: dict[str, Counter[int]]
    n_tokens: int
    n_sequences: int
    learning_rate: float
    gradient_norm: float | None
    seconds: float
    compute_seconds: float
    data_wait_seconds: float
    stop: bool


@dataclass
class Tally:
    """Sums over micro-batches: by objective, the weighted loss, correct predictions and predictions."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    accuracies: dict[str, float] = field(default_factory=dict)
    compute_seconds: float = 0.0

    def add(self, name: str, output: Output, share: float) -> None:
        """Add a micro-batch, whose loss is this share of the batch's."""
        new = torch.stack([output.loss.detach() * share, *output.hits()]).double()
        self.sums[name] = self.sums[name] + new if name in self.sums else new

    def all_reduce(self, how: StepConfig, device: torch.device) -> bool:
        """Add up over all processes; whether any of them wants to stop."""
        wish = torch.tensor([float(how.stop())], dtype=torch.float64, device=device)
        numbers = how.distributed.all_reduce_sum(torch.cat([*self.sums.values(), wish])).tolist()
        for index, name in enumerate(self.sums):
            loss, hits, counted = numbers[3 * index : 3 * index + 3]
            self.losses[name] = loss
            if counted:
                self.accuracies[name] = hits / counted
        return bool(numbers[-1])


def add_gradients(model: Model, runner: nn.Module, batch: Batch, step: int, how: StepConfig) -> Tally:
    """Add up the gradients of this process's micro-batches. Raises TooFewSequences if there are not enough."""
    n_micro = how.n_micro_batches
    if batch.n_items < n_micro:
        raise TooFewSequences(
            f"step {step + 1} has {batch.n_items} {'questions' if batch.items else 'sequences'}, too few for "
            f"{how.distributed.size} processes x {how.gradient_accumulation_steps} gradient accumulation steps; "
            "use larger batches or fewer of these"
        )
    batch = replace(batch, seed=seed_of("batch", how.seed, step))
    tally = Tally()
    for number in range(how.distributed.rank, n_micro, how.distributed.size):
        micro = batch.micro_batch(number, n_micro) if n_micro > 1 else batch
        _forward_and_backward(model, runner, batch, micro, (step, number), how, tally)
    return tally


def _forward_and_backward(
    model: Model, runner: nn.Module, batch: Batch, micro: Batch, at: tuple[int, int], how: StepConfig, tally: Tally
) -> None:
    """Add the gradient of one micro-batch."""
    device = how.compute.torch_device
    began = time.perf_counter()
    more_to_come = at[1] + how.distributed.size < how.n_micro_batches
    with how.distributed.no_sync(runner, more_to_come), _drawing_apart(model, how.seed, *at):
        with how.compute.autocast():
            outputs: dict[str, Output] = runner(micro.to(device))
        shares = {name: 1.0 if micro is batch else _share(model, name, micro, batch) for name in outputs}
        losses = [output.loss * (model.loss_weights.get(name, 1.0) * shares[name]) for name, output in outputs.items()]
        # DDP averages gradients over its processes, while the shares make them terms of a sum.
        (torch.stack(losses).sum() * how.distributed.size).backward()  # type: ignore[no-untyped-call]
    synchronize(device)
    tally.compute_seconds += time.perf_counter() - began
    for name, output in outputs.items():
        tally.add(name, output, shares[name])


@contextmanager
def _drawing_apart(model: Model, seed: int | None, *place: int) -> Iterator[None]:
    """Let each part of a model draw from a seed of its own, so that what one drops moves no other."""
    parts = [model.embedding, model.encoder, *model.objectives.values()] if seed is not None else []
    reseeds = [partial(_before, seed_of("step", seed, *place, number)) for number in range(len(parts))]
    hooks = [part.register_forward_pre_hook(before) for part, before in zip(parts, reseeds, strict=True)]
    if parts:  # an encoder that is asked for all its states isn't called itself
        hooks.append(model.embedding.register_forward_hook(reseeds[1]))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _before(seed: int, *_: object) -> None:
    reseed(seed)


def _share(model: Model, name: str, micro: Batch, batch: Batch) -> float:
    """How much of a batch's mean loss a micro-batch makes up: its share of the predictions."""
    objective = model.objective(name)
    return int(objective.n_targets(micro)) / max(1, int(objective.n_targets(batch)))


def count_labels(batch: Batch) -> dict[str, Counter[int]]:
    """By label name, how many sequences have each value."""
    single = {name: values for name, values in batch.labels.items() if values.ndim == 1}
    counts = {name: Counter(values.tolist()) for name, values in single.items() if not values.is_floating_point()}
    return {
        name: Counter({value: n for value, n in found.items() if value != IGNORE}) for name, found in counts.items()
    }
