"""The one training loop, for pre-training and fine-tuning alike."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from zoo.core.batch import IGNORE, Batch, Output
from zoo.core.errors import RunFailed
from zoo.core.seeds import seed_of
from zoo.core.specs import Precision as Precision
from zoo.core.specs import Recipe
from zoo.model import Model
from zoo.train.distributed import Team
from zoo.train.optimizers import make_optimizer

Progress = Callable[[int, int], None]
"""Told (steps done, steps in all)."""


class TooFewSequences(RunFailed):
    """A batch that cannot be taken in so many parts."""


@dataclass(frozen=True)
class Execution:
    """How a step is carried out here; what it changes in the outcome is rounding, and which values dropout drops.

    A batch is taken apart into one part for each process of the team and each of `accumulate` turns; losses and
    gradients are those of the whole batch. With a seed, what is random in a part depends on the seed, the step and the
    part alone, so that nothing random need be saved. `stop` is asked once a step whether to go no further.
    """

    team: Team = field(default_factory=Team)
    accumulate: int = 1
    precision: Precision = "fp32"
    seed: int | None = None
    stop: Callable[[], bool] = bool


@dataclass(frozen=True)
class Step:
    """One step done, over the whole team: mean loss and accuracy by objective, and how long what took.

    `labels` counts the sequences by name and value of their labels, where each has one; `working` is the time spent in
    forward and backward passes and the optimizer, `waited` that for the batch to be there, both parts of `seconds`.
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
    working: float
    waited: float
    stop: bool


@dataclass
class Log:
    """What the loop saw: per objective, the loss and, where there are classes, the accuracy of every step."""

    losses: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    accuracies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    n_tokens: int = 0
    n_sequences: int = 0

    def add(self, step: Step) -> None:
        """Take one step in."""
        self.n_tokens += step.n_tokens
        self.n_sequences += step.n_sequences
        for name, loss in step.losses.items():
            self.losses[name].append(loss)
        for name, accuracy in step.accuracies.items():
            self.accuracies[name].append(accuracy)


def learning_rate(step: int, n_steps: int, recipe: Recipe) -> float:
    """A linear rise over the warm-up share of the steps, then a fall to zero; Devlin et al. 2019, app. A.2.

    The fall is linear, or another power of what remains (google-research/albert, optimization.py).
    """
    n_warmup = recipe.warmup_steps(n_steps)
    rise = (step + 1) / n_warmup
    fall = (n_steps - step) / max(1, n_steps - n_warmup)
    return recipe.learning_rate * max(0.0, min(1.0, rise, math.pow(fall, recipe.decay_power)))


def fit(
    model: Model,
    batches: Iterable[Batch],
    recipe: Recipe,
    n_steps: int,
    progress: Progress,
    how: Execution | None = None,
) -> Log:
    """Train for `n_steps` steps from the start. Raises as `train` does."""
    log = Log()
    for step in train(model, make_optimizer(model, recipe), batches, recipe, n_steps, how=how):
        log.add(step)
        progress(step.number, n_steps)
    return log


def train(
    model: Model,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Batch],
    recipe: Recipe,
    n_steps: int,
    *,
    done: int = 0,
    how: Execution | None = None,
) -> Iterator[Step]:
    """Train on the weighted sum of the objectives' losses, from step `done` up to `n_steps`, a step at a time.

    Raises RunFailed where a loss is NaN or infinite, where the batches end early, or where one cannot be taken apart.
    """
    how = how or Execution()
    runner = how.team.wrapped(model)
    parameters = list(model.parameters())
    model.train()
    stream = iter(batches)
    for index in range(done, n_steps):
        began = time.perf_counter()
        batch = next(stream, None)
        if batch is None:
            raise RunFailed(f"the data ended after {index} of {n_steps} steps")
        arrived = time.perf_counter()
        rate = learning_rate(index, n_steps, recipe)
        for group in optimizer.param_groups:
            group["lr"] = rate
        tally = _Tally()
        for place in range(how.team.rank, how.team.size * how.accumulate, how.team.size):
            _forward_and_backward(model, runner, batch, place, index, how, tally)
        stop = tally.gather(how, parameters[0].device)
        measured = time.perf_counter()
        place_of_error = f"at step {index + 1} of {n_steps}, {_read(batch)}"
        _refuse_nan({f"the loss of {name}": loss for name, loss in tally.losses.items()}, place_of_error)
        norm = nn.utils.clip_grad_norm_(parameters, recipe.clip_norm).item() if recipe.clip_norm else None
        _refuse_nan({"the gradient's norm": norm or 0.0}, place_of_error)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ended = time.perf_counter()
        yield Step(
            number=index + 1,
            losses=tally.losses,
            accuracies=tally.accuracies,
            labels=_labels(batch),
            n_tokens=len(batch.ids),
            n_sequences=batch.layout.n_sequences,
            learning_rate=rate,
            gradient_norm=norm,
            seconds=ended - began,
            working=tally.working + ended - measured,
            waited=arrived - began,
            stop=stop,
        )


@dataclass
class _Tally:
    """Sums over the parts of a batch: weighted losses, correct predictions and predictions by objective."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    accuracies: dict[str, float] = field(default_factory=dict)
    working: float = 0.0

    def add(self, name: str, output: Output, share: float) -> None:
        new = torch.stack([output.loss.detach() * share, *output.hits()]).double()
        self.sums[name] = self.sums[name] + new if name in self.sums else new

    def gather(self, how: Execution, device: torch.device) -> bool:
        """Add up over the team, and tell whether anyone wants to stop."""
        wish = torch.tensor([float(how.stop())], dtype=torch.float64, device=device)
        numbers = how.team.total(torch.cat([*self.sums.values(), wish])).tolist()
        for index, name in enumerate(self.sums):
            loss, hits, counted = numbers[3 * index : 3 * index + 3]
            self.losses[name] = loss
            if counted:
                self.accuracies[name] = hits / counted
        return bool(numbers[-1])


def _forward_and_backward(
    model: Model, runner: nn.Module, batch: Batch, place: int, index: int, how: Execution, tally: _Tally
) -> None:
    """Add the gradient of one part of the batch."""
    n_parts = how.team.size * how.accumulate
    if batch.n_items < n_parts:
        raise TooFewSequences(
            f"step {index + 1} has {batch.n_items} {'questions' if batch.items else 'sequences'}, too few for "
            f"{how.team.size} processes x {how.accumulate} turns; take larger batches or fewer of those"
        )
    part = batch.micro_batch(place, n_parts) if n_parts > 1 else batch
    device = next(model.parameters()).device
    began = time.perf_counter()
    more_to_come = place + how.team.size < n_parts
    with how.team.quiet(runner, more_to_come), _drawing_apart(model, how.seed, index, place):
        with torch.autocast(device.type, torch.bfloat16, enabled=how.precision == "bf16"):
            outputs: dict[str, Output] = runner(part.to(device))
        shares = {name: _share(model, name, part, batch) if n_parts > 1 else 1.0 for name in outputs}
        losses = [output.loss * (model.loss_weights.get(name, 1.0) * shares[name]) for name, output in outputs.items()]
        # The team's gradients are averaged over its processes, while the shares make them parts of a sum.
        (torch.stack(losses).sum() * how.team.size).backward()  # type: ignore[no-untyped-call]
    tally.working += time.perf_counter() - began
    for name, output in outputs.items():
        tally.add(name, output, shares[name])


@contextmanager
def _drawing_apart(model: Model, seed: int | None, *place: int) -> Iterator[None]:
    """Let each part of a model draw from a seed of its own, so that what one drops moves no other."""
    parts = [model.embedding, model.encoder, *model.objectives.values()] if seed is not None else []
    hooks = [
        part.register_forward_pre_hook(partial(_reseed, seed_of("step", seed, *place, number)))
        for number, part in enumerate(parts)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _reseed(seed: int, module: nn.Module, inputs: object) -> None:
    torch.manual_seed(seed)


def _share(model: Model, name: str, part: Batch, batch: Batch) -> float:
    """How much of a batch's mean loss a part of it makes up: its share of the predictions."""
    objective = model.objective(name)
    return int(objective.n_targets(part)) / max(1, int(objective.n_targets(batch)))


def _labels(batch: Batch) -> dict[str, Counter[int]]:
    single = {name: values for name, values in batch.labels.items() if values.ndim == 1}
    counts = {name: Counter(values.tolist()) for name, values in single.items() if not values.is_floating_point()}
    return {
        name: Counter({value: n for value, n in found.items() if value != IGNORE}) for name, found in counts.items()
    }


def _read(batch: Batch) -> str:
    """Which documents a batch is of, for a message."""
    documents = sorted(set(batch.documents))
    if not documents:
        return f"in a batch of {batch.layout.n_sequences} sequences"
    more = f" and {len(documents) - 8} more" if len(documents) > 8 else ""
    return f"in a batch of documents {', '.join(map(str, documents[:8]))}{more}"


def _refuse_nan(values: dict[str, float], place: str) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise RunFailed(f"{name} is {value} {place}; try a lower learning rate, a longer warm-up, or fp32")
