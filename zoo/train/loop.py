"""The one training loop, for pre-training and fine-tuning alike."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import torch

from zoo.core.batch import Batch
from zoo.core.errors import RunFailed
from zoo.core.specs import Recipe, Techniques
from zoo.machine.memory import freed_memory_kept, give_back_freed
from zoo.model import Model
from zoo.train.compiling import compiled_layers, pays
from zoo.train.distillation import Student
from zoo.train.graphs import RecordedStepper
from zoo.train.optimizers import make_optimizer
from zoo.train.readings import STOP
from zoo.train.schedule import learning_rate
from zoo.train.step import Step, StepConfig, Stepper, count_labels
from zoo.train.techniques import TwicePassedStepper, Unfreezing, dropping_layers, kept_weights

FREED_EVERY = 64
"""Steps on a CPU after which memory that was freed is given back; every 8 would take a tenth more processor time."""

Progress = Callable[[int, int], None]
"""Called with (steps done, all steps)."""


@dataclass
class History:
    """What the loop saw: per objective, the loss and, where there are classes, the accuracy of every step."""

    losses: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    accuracies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    n_tokens: int = 0
    n_sequences: int = 0
    n_steps: int = 0
    best_step: int | None = None
    """The step after which the weights that are kept were found best, if early stopping looked."""

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
    score: Callable[[], float] | None = None,
    after_step: Callable[[int], None] | None = None,
) -> History:
    """Train for `n_steps` steps from the start, or until a recipe's early stopping, for which `score` scores the model.

    `after_step` is called with the number of each step that was taken, and may change weights.
    The model is left with the weights that the recipe keeps. Raises as `train` does.
    """
    kept = kept_weights(model, recipe, n_steps, score)
    on_cpu = (how or StepConfig()).compute.torch_device.type == "cpu"
    steps: list[Step] = []
    for step in train(model, make_optimizer(model, recipe), batches, recipe, n_steps, how=how):
        steps.append(step)
        if after_step is not None:
            after_step(step.number)
        if on_cpu and step.number % FREED_EVERY == 0:
            give_back_freed()
        progress(step.number, n_steps)
        if kept.stops(step.number):
            break
    kept.put_in()
    history = History(n_steps=len(steps), best_step=kept.best_step)
    for step in steps:  # now that the device has been waited for
        history.add(step)
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
    model.train()
    unfreezing = Unfreezing(model, recipe, n_steps)
    steps = stepper(model, optimizer, recipe, how)
    pace = Pace(how)
    stream = iter(batches)
    with ExitStack() as stack:
        stack.enter_context(dropping_layers(model, recipe, how.seed))
        if how.compute.torch_device.type == "cpu":
            stack.enter_context(freed_memory_kept())
        for index in range(done, n_steps):
            began = time.perf_counter()
            batch = next(stream, None)
            if batch is None:
                raise RunFailed(f"the data ended after {index} of {n_steps} steps")
            arrived = time.perf_counter()
            if index == done:
                stack.enter_context(compiled_layers(model, _compiles(model, batch, recipe, n_steps, how)))
            unfreezing.before_step(index)
            rate = learning_rate(index, n_steps, recipe)
            reading = steps.step(batch, index, rate, f"at step {index + 1} of {n_steps}, {_documents(batch)}")
            waited = (index + 1) % how.read_every == 0 or index + 1 == n_steps
            if waited:
                reading.read()
            seconds, waiting = pace.step(began, arrived, waited)
            yield Step(
                number=index + 1,
                reading=reading,
                labels=count_labels(batch),
                n_tokens=len(batch.ids),
                n_sequences=batch.layout.n_sequences,
                learning_rate=rate,
                seconds=seconds,
                compute_seconds=steps.compute_seconds if pace.waits else seconds - waiting,
                data_wait_seconds=waiting,
                stop=how.stop() if how.distributed.size == 1 else bool(reading.read().numbers[STOP]),
            )


def _compiles(model: Model, batch: Batch, recipe: Recipe, n_steps: int, how: StepConfig) -> bool:
    """Whether layers are compiled: on a GPU, if the whole run is long, so that a resumed one does the same."""
    one_gpu = how.compute.torch_device.type == "cuda" and how.distributed.size == 1
    drops = isinstance(recipe, Techniques) and recipe.layer_drop
    if drops or isinstance(model, Student):  # layers are left out, or what they attend to is looked at
        return False
    return how.compiles if how.compiles is not None else one_gpu and pays(model, n_steps * len(batch.ids))


def stepper(model: Model, optimizer: torch.optim.Optimizer, recipe: Recipe, how: StepConfig) -> Stepper:
    """What takes the steps: on one GPU, from recordings where shapes return and a step is always the same work."""
    techniques = recipe if isinstance(recipe, Techniques) else Techniques()
    if techniques.r_drop:
        return TwicePassedStepper(model, optimizer, recipe, how)
    on_one_gpu = how.compute.torch_device.type == "cuda" and how.distributed.size == 1
    # What is kept is looked up on the CPU, unfreezing makes each phase's steps another work, as other parts and layers
    # left out do, and what a teacher says is looked up batch by batch.
    differs = techniques.unfreezing or techniques.mixup or techniques.layer_drop
    same_work = model.kept is None and how.micro_batch is None and not differs
    records = how.graphs and on_one_gpu and same_work and not isinstance(model, Student)
    return (RecordedStepper if records else Stepper)(model, optimizer, recipe, how)


class Pace:
    """The seconds of each step, and of waiting for its batch: its own on a CPU; elsewhere means over the steps from one
    wait for the device to the next."""

    def __init__(self, how: StepConfig) -> None:
        self.waits = how.compute.torch_device.type == "cpu"
        self._since, self._waiting, self._n = time.perf_counter(), 0.0, 0
        self._means: tuple[float, float] | None = None

    def step(self, began: float, arrived: float, waited: bool) -> tuple[float, float]:
        """After a step whose batch was asked for and arrived at these times, and whether the device was waited for."""
        now = time.perf_counter()
        own = now - began, arrived - began
        self._waiting, self._n = self._waiting + own[1], self._n + 1
        if waited:
            self._means = (now - self._since) / self._n, self._waiting / self._n
            self._since, self._waiting, self._n = now, 0.0, 0
        return own if self.waits or self._means is None else self._means


def _documents(batch: Batch) -> str:
    """Which documents a batch is of, for a message."""
    documents = sorted(set(batch.documents))
    if not documents:
        return f"in a batch of {batch.layout.n_sequences} sequences"
    more = f" and {len(documents) - 8} more" if len(documents) > 8 else ""
    return f"in a batch of documents {', '.join(map(str, documents[:8]))}{more}"
