"""What fine-tuning may do besides following the gradient, as the fields of `Techniques` say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.depth import by_depth, droppable_layers, layer_lists
from zoo.core.batch import IGNORE, Batch, Output
from zoo.core.seeds import seed_of
from zoo.core.specs import Recipe, Techniques
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.tasks.task import Label
from zoo.train.step import Stepper

N_CHECKS = 10
"""How many times the held-out items are scored over the planned steps."""


def reinitialize(model: Model, fresh: Model, n_layers: int) -> None:
    """Give the top layers the weights of a fresh model of the same variant."""
    if n_layers:
        n = model.variant.dims.n_layers
        for ours, theirs in zip(layer_lists(model, n), layer_lists(fresh, n), strict=True):
            ours[-n_layers:].load_state_dict(theirs[-n_layers:].state_dict())


def freeze_lowest(model: Model, n_layers: int) -> None:
    """Train neither the embedding nor the lowest layers from now on; their dropout remains."""
    for parameters in by_depth(model, model.variant.dims.n_layers)[: n_layers + 1]:
        for parameter in parameters:
            parameter.requires_grad_(False)


class Unfreezing:
    """Lets layers begin to learn one by one from the top, the embedding last.

    What was frozen before stays frozen.
    """

    def __init__(self, model: Model, recipe: Recipe, n_steps: int) -> None:
        self._starts: list[tuple[int, list[nn.Parameter]]] = []
        n_steps = round(recipe.unfreezing * n_steps) if isinstance(recipe, Techniques) else 0
        if not n_steps:
            return
        waiting = [[p for p in depth if p.requires_grad] for depth in by_depth(model, model.variant.dims.n_layers)[:-1]]
        self._starts = [(n_steps * (place + 1) // len(waiting), depth) for place, depth in enumerate(reversed(waiting))]
        for _, depth in self._starts:
            _train(depth, False)

    def before_step(self, index: int) -> None:
        """Let those begin whose time has come."""
        while self._starts and self._starts[0][0] <= index:
            _train(self._starts.pop(0)[1], True)


def _train(parameters: Iterable[nn.Parameter], wanted: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(wanted)


@contextmanager
def dropping_layers(model: Model, recipe: Recipe, seed: int | None) -> Iterator[None]:
    """Inside, each pass in training leaves out each layer with the recipe's probability: it returns what it was given.

    What is drawn is a matter of the seed and the number of passes, and moves no other draw.
    """
    share = recipe.layer_drop if isinstance(recipe, Techniques) else 0.0
    layers = [*droppable_layers(model)] if share else []
    generator = torch.Generator().manual_seed(seed_of("layer drop", seed))
    for layer in layers:
        layer.forward = partial(_unless_dropped, layer, layer.forward, share, generator)
    try:
        yield
    finally:
        for layer in layers:
            del layer.__dict__["forward"]


def _unless_dropped(
    layer: nn.Module,
    forward: Callable[..., Tensor],
    share: float,
    generator: torch.Generator,
    hidden: Tensor,
    *rest: Any,
) -> Tensor:
    drops = layer.training and torch.rand((), generator=generator).item() < share
    return hidden if drops else forward(hidden, *rest)


class KeptWeights:
    """Which weights a fine-tuning keeps: by default those after the last step."""

    best_step: int | None = None
    """The step after which the weights were best, if they were scored."""

    def stops(self, n_done: int) -> bool:
        """Look at the model after so many steps; whether training should end here."""
        return False

    def put_in(self) -> None:
        """Give the model what is kept, after the last step."""


class WeightAverage(KeptWeights):
    """The mean of the trained weights after each step beyond the first `skipped`, of equal shares or exponential."""

    def __init__(self, model: Model, skipped: int = 0, decay: float | None = None) -> None:
        self._weights: list[Tensor] = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._mean = [torch.zeros_like(weight) for weight in self._weights]
        self._skipped, self._decay = skipped, decay

    @torch.no_grad()
    def stops(self, n_done: int) -> bool:
        """Never, but add the weights to the mean."""
        if (n := n_done - self._skipped) > 0:
            share = 1 / n if self._decay is None else (1 - self._decay) / (1 - self._decay**n)
            torch._foreach_lerp_(self._mean, self._weights, share)
        return False

    @torch.no_grad()
    def put_in(self) -> None:
        """As KeptWeights says."""
        torch._foreach_copy_(self._weights, self._mean)


class BestWeights(KeptWeights):
    """The weights of the best of ten scores over the planned steps, until `patience` of them are not the best."""

    def __init__(self, model: Model, score: Callable[[], float], n_steps: int, patience: int) -> None:
        self._model, self._score, self._patience = model, score, patience
        self._every = max(1, n_steps // N_CHECKS)
        self._best, self._since = -math.inf, 0
        self._weights: dict[str, Tensor] = {}

    def stops(self, n_done: int) -> bool:
        """As KeptWeights says."""
        if n_done % self._every:
            return False
        score = self._score()
        self._model.train()
        self._since += 1
        if score > self._best:
            self._best, self._since, self.best_step = score, 0, n_done
            self._weights = {name: value.detach().clone() for name, value in self._model.state_dict().items()}
        return self._since >= self._patience

    def put_in(self) -> None:
        """As KeptWeights says."""
        if self._weights:
            self._model.load_state_dict(self._weights)


def kept_weights(model: Model, recipe: Recipe, n_steps: int, score: Callable[[], float] | None) -> KeptWeights:
    """What a recipe says of them; `score` scores the model on held-out items, where these are asked for."""
    if not isinstance(recipe, Techniques):
        return KeptWeights()
    if recipe.early_stopping is not None and score is not None:
        return BestWeights(model, score, n_steps, recipe.patience)
    if recipe.ema_decay is not None:
        return WeightAverage(model, decay=recipe.ema_decay)
    if recipe.averaged_share is not None:
        return WeightAverage(model, skipped=n_steps - math.ceil(recipe.averaged_share * n_steps))
    return KeptWeights()


class TwicePassedStepper(Stepper):
    """Passes each batch twice, with other dropout, and adds the divergence of the two predictions to the loss.

    The loss is half of the paper's, so that it is as large as without; Liang et al. 2021, arXiv:2106.14448, eq. 2 to 4.
    """

    def outputs(self, batch: Batch, *place: int) -> dict[str, Output]:
        """Both passes as one."""
        assert isinstance(self.recipe, Techniques)
        first = super().outputs(batch, *place)
        with self.draws.apart(*place, 1):
            second = super().outputs(batch, *place)
        return {name: _joined(output, second[name], self.recipe.r_drop) for name, output in first.items()}


def _joined(one: Output, other: Output, weight: float) -> Output:
    known = one.targets != IGNORE
    here, there = (output.logits[known].float().log_softmax(dim=-1) for output in (one, other))
    both = F.kl_div(here, there, reduction="sum", log_target=True) + F.kl_div(
        there, here, reduction="sum", log_target=True
    )
    divergence = both / 2 / known.sum().clamp(min=1)
    return replace(one, loss=(one.loss + other.loss + weight * divergence) / 2)


def known_to_loss(head: TaskHead, recipe: Techniques, labels: Iterable[Label]) -> None:
    """Let a head's loss smooth labels and weigh classes, as a recipe says, by the training items' labels."""
    head.label_smoothing = recipe.label_smoothing
    if recipe.class_weights == "balanced":
        weights = balanced(Counter(_classes(labels)), head.output.out_features)
        head.class_weights = weights.to(head.output.weight.device)


def balanced(counts: Mapping[int, int], n_classes: int) -> Tensor:
    """The weight of each class, inverse to its count, 1 in the mean over what is counted; 1 for a class without items.

    King and Zeng 2001, Logistic Regression in Rare Events Data, as in scikit-learn's class_weight="balanced". -> [C]
    """
    n = sum(counts.values())
    return torch.tensor([n / (len(counts) * counts[c]) if c in counts else 1.0 for c in range(n_classes)])


def _classes(labels: Iterable[Label]) -> Iterator[int]:
    for label in labels:
        yield from _classes(label) if isinstance(label, Sequence) else [int(label)]
