"""One training step: a batch, divided into micro-batches, to gradients and sums of losses."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from math import ceil

import torch
from torch import Tensor, nn

from zoo.blocks.onednn import onednn_linear
from zoo.blocks.token_table import late_gradient
from zoo.core.batch import IGNORE, Batch, Output
from zoo.core.errors import RunFailed
from zoo.core.layout import send
from zoo.core.seeds import seed_of
from zoo.core.specs import Recipe
from zoo.machine.compute import Compute
from zoo.model import Model
from zoo.train.distributed import Distributed, whole
from zoo.train.draws import Draws
from zoo.train.readings import COUNTED, HITS, LOSS, NORM, STOP, Number, Reading, Readings


class TooFewSequences(RunFailed):
    """A batch that cannot be divided into so many micro-batches."""


@dataclass(frozen=True)
class StepConfig:
    """How a step is carried out here; it changes results only by rounding and by which values dropout drops.

    A batch is divided into one micro-batch for each process and each of `gradient_accumulation_steps`, or more if one
    would have more than `micro_batch` items; losses and gradients are those of the whole batch. With a seed, what is
    random in a micro-batch depends on the seed, the step and the micro-batch alone, so that no state of a generator is
    saved. `stop` is asked once per step whether to stop.
    On a GPU, losses are read every `read_every` steps, and steps of a shape that returns are recorded as CUDA graphs,
    if they can be and `graphs` is set; `compiles` says whether layers are compiled, by default in long runs.
    """

    compute: Compute = field(default_factory=Compute)
    distributed: Distributed = field(default_factory=Distributed)
    gradient_accumulation_steps: int = 1
    seed: int | None = None
    stop: Callable[[], bool] = bool
    read_every: int = 16
    graphs: bool = True
    compiles: bool | None = None
    micro_batch: int | None = None

    @property
    def n_micro_batches(self) -> int:
        """How many micro-batches make up a step, over all processes."""
        return self.distributed.size * self.gradient_accumulation_steps

    def n_parts(self, batch: Batch) -> int:
        """How many micro-batches make up a step on this batch."""
        size, most = self.distributed.size, self.micro_batch or batch.n_items
        return max(self.n_micro_batches, size * ceil(batch.n_items / most / size))


@dataclass(frozen=True)
class Step:
    """One step done, over all processes, and the seconds of its phases; where a device works on while the next steps
    are prepared, seconds are means over the steps since it was last waited for.

    `labels` counts the sequences by name and value of their labels, where each has one. `compute_seconds` is the time
    of forward and backward passes and the optimizer, `data_wait_seconds` that of waiting for the batch. To ask for a
    loss, an accuracy or the gradient's norm is to wait for the device.
    """

    number: int
    reading: Reading
    labels: dict[str, Counter[int]]
    n_tokens: int
    n_sequences: int
    learning_rate: float
    seconds: float
    compute_seconds: float
    data_wait_seconds: float
    stop: bool

    @property
    def is_read(self) -> bool:
        """Whether its losses are known without waiting."""
        return bool(self.reading.numbers)

    @property
    def losses(self) -> dict[str, float]:
        """The mean loss by objective."""
        return self.reading.of(LOSS)

    @property
    def accuracies(self) -> dict[str, float]:
        """The share of correct predictions by objective, where there are classes."""
        hits, counted = self.reading.of(HITS), self.reading.of(COUNTED)
        return {name: hits[name] / n for name, n in counted.items() if n}

    @property
    def gradient_norm(self) -> float | None:
        """The norm that the gradient had before it was clipped, if it is looked at."""
        return self.reading.read().numbers.get(NORM)


@dataclass
class Tally:
    """Sums over micro-batches: by objective, the weighted loss, correct predictions and predictions."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    compute_seconds: float = 0.0

    def add(self, name: str, output: Output, share: float) -> None:
        """Add a micro-batch, whose loss is this share of the batch's."""
        new = torch.stack([output.loss.detach() * share, *output.hits()]).double()
        self.sums[name] = self.sums[name] + new if name in self.sums else new

    @property
    def names(self) -> list[Number]:
        """What its numbers are."""
        return [(kind, name) for name in self.sums for kind in (LOSS, HITS, COUNTED)]

    def numbers(self) -> Tensor:
        """All sums. [N]"""
        return torch.cat(list(self.sums.values()))


class Stepper:
    """Takes one step after another: gradients of all micro-batches, clipping, the optimizer."""

    def __init__(self, model: Model, optimizer: torch.optim.Optimizer, recipe: Recipe, how: StepConfig) -> None:
        self.model, self.optimizer, self.recipe, self.how = model, optimizer, recipe, how
        self.device = how.compute.torch_device
        self.runner = how.distributed.wrap_ddp(model)
        self.readings = Readings(at_once=self.device.type == "cpu")
        self.draws = Draws(model, how.seed, self.device)
        self.compute_seconds = 0.0

    def step(self, batch: Batch, index: int, rate: float, where: str) -> Reading:
        """One step at a learning rate. Raises RunFailed, saying where, if numbers are not finite."""
        _refuse_few(batch, index, self.how)
        set_rate(self.optimizer, rate)
        return self.take(replace(batch, seed=seed_of("batch", self.how.seed, index)), index, where)

    def take(self, batch: Batch, index: int, where: str) -> Reading:
        """One step, its kernels launched one by one."""
        tally = self.add_gradients(batch, index)
        reading, numbers, names = Reading(self.readings, where), tally.numbers(), tally.names
        if self.how.distributed.size > 1:
            wish = torch.tensor([float(self.how.stop())], dtype=torch.float64)
            numbers, names = torch.cat([numbers, send(wish, self.device)]), [*names, STOP]
            numbers = self.how.distributed.all_reduce_sum(numbers)
        self.readings.add(reading, names, numbers)
        began = time.perf_counter()
        norm = self.clip()
        if norm is not None:
            self.readings.add(reading, [NORM], norm.view(1))
        self.update()
        self.compute_seconds = tally.compute_seconds + time.perf_counter() - began
        return reading

    def add_gradients(self, batch: Batch, index: int) -> Tally:
        """Add up the gradients of this process's micro-batches."""
        tally, n_micro, size = Tally(), self.how.n_parts(batch), self.how.distributed.size
        for number in range(self.how.distributed.rank, n_micro, size):
            micro, shares = (batch, {}) if n_micro == 1 else _divided(self.model, batch, number, n_micro)
            began = time.perf_counter()
            self.draws.reseed(index, number)
            with self.how.distributed.no_sync(self.runner, number + size < n_micro):
                self.forward_and_backward(self.send(micro), shares, tally, index, number)
            tally.compute_seconds += time.perf_counter() - began
        return tally

    def forward_and_backward(self, batch: Batch, shares: Mapping[str, float], tally: Tally, *place: int) -> None:
        """Add the gradient of one micro-batch that is on the device, its losses being shares of the batch's."""
        with self.draws.apart(*place), self.token_gradient():
            with self.how.compute.autocast(), onednn_linear(self.model.encoder, len(batch.ids)):
                outputs = self.outputs(batch, *place)
            weights = self.model.loss_weights
            factors = {name: weights.get(name, 1.0) * shares.get(name, 1.0) for name in outputs}
            losses = [output.loss * factors[name] for name, output in outputs.items()]
            # DDP averages gradients over its processes, while the shares make them terms of a sum.
            (torch.stack(losses).sum() * self.how.distributed.size).backward()  # type: ignore[no-untyped-call]
        for name, output in outputs.items():
            tally.add(name, output, shares.get(name, 1.0))

    def token_gradient(self) -> AbstractContextManager[None]:
        """Inside, the gradient of the token table is made late, unless other processes wait for it."""
        return late_gradient(self.model.embedding.tokens) if self.how.distributed.size == 1 else nullcontext()

    def outputs(self, batch: Batch, *place: int) -> dict[str, Output]:
        """What the objectives make of a batch that is on the device; `place` is its step and micro-batch."""
        outputs: dict[str, Output] = self.runner(batch)
        return outputs

    def send(self, batch: Batch) -> Batch:
        """A batch on the device."""
        return batch.to(self.device)

    def clip(self) -> Tensor | None:
        """Clip the gradients; the norm that they had, if it is looked at."""
        limit = self.recipe.clip_norm
        return whole(nn.utils.clip_grad_norm_(list(self.model.parameters()), limit)) if limit else None

    def update(self) -> None:
        """The optimizer's step."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all groups, some of which take a share of it; one that is a tensor stays the same
    tensor, as recorded steps read it.
    """
    for group in optimizer.param_groups:
        own = rate * group.get("rate_share", 1.0)
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def _refuse_few(batch: Batch, index: int, how: StepConfig) -> None:
    """Raises TooFewSequences if a batch cannot be divided."""
    if batch.n_items < how.n_micro_batches:
        raise TooFewSequences(
            f"step {index + 1} has {batch.n_items} {'questions' if batch.items else 'sequences'}, too few for "
            f"{how.distributed.size} processes x {how.gradient_accumulation_steps} gradient accumulation steps; "
            "use larger batches or fewer of these"
        )


def _divided(model: Model, batch: Batch, number: int, n_micro: int) -> tuple[Batch, dict[str, float]]:
    """A micro-batch, and its share of each loss."""
    micro = batch.micro_batch(number, n_micro)
    return micro, {name: _share(model, name, micro, batch) for name in model.losses}


def _share(model: Model, name: str, micro: Batch, batch: Batch) -> float:
    """How much of a batch's mean loss a micro-batch makes up: its share of the predictions."""
    return int(model.n_targets(name, micro)) / max(1, int(model.n_targets(name, batch)))


def count_labels(batch: Batch) -> dict[str, Counter[int]]:
    """By label name, how many sequences have each value."""
    single = {name: values for name, values in batch.labels.items() if values.ndim == 1}
    counts = {name: Counter(values.tolist()) for name, values in single.items() if not values.is_floating_point()}
    return {
        name: Counter({value: n for value, n in found.items() if value != IGNORE}) for name, found in counts.items()
    }
