"""Which weights, heads and feed-forward units of an encoder matter least, and setting them to zero."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from zoo.blocks.units import HasUnits, Units
from zoo.core.batch import Batch
from zoo.core.compression import Pruning, n_kept
from zoo.model import Model

N_UPDATES = 20
"""How many times the share is raised over the steps of gradual pruning."""


def units_in(encoder: nn.Module) -> list[Units]:
    """The heads and feed-forward units of an encoder, in the order of its modules; what layers share is there once."""
    return [module.units() for module in encoder.modules() if isinstance(module, HasUnits)]


def matrices_in(encoder: nn.Module) -> list[Tensor]:
    """The weights of its linear layers."""
    return [module.weight for module in encoder.modules() if isinstance(module, nn.Linear)]


def importances(model: Model, pruning: Pruning, batches: Callable[[], Iterable[Batch]] = tuple) -> list[Tensor]:
    """How important each unit is, for each of `units_in`; gradients are of the loss on batches. [n] each"""
    units = units_in(model.encoder)
    if pruning.importance == "gradient" and (pruning.heads or pruning.ffn):
        return gradient_importances(model, units, batches())
    return [its.magnitudes() for its in units]


def gradient_importances(model: Model, units: Sequence[Units], batches: Iterable[Batch]) -> list[Tensor]:
    """The mean over items of the absolute derivative of an item's loss by a factor of the unit's output, at 1.

    Without dropout. A unit that several layers share has one factor. Michel et al. 2019, arXiv:1905.10650, eq. 2.
    """
    found = [torch.zeros(its.n, device=its.output.weight.device) for its in units]
    factors: list[tuple[int, Tensor]] = []
    hooks = [its.output.register_forward_pre_hook(_factored(place, its, factors)) for place, its in enumerate(units)]
    training, n_items = model.training, 0
    model.eval()
    try:
        with torch.enable_grad():
            for batch in batches:
                here = batch.to(next(model.parameters()).device)
                factors.clear()
                loss = torch.stack([output.loss for output in model(here).values()]).sum() * here.layout.n_sequences
                gradients = torch.autograd.grad(loss, [factor for _, factor in factors])
                of_items = [torch.zeros(here.layout.n_sequences, its.n, device=loss.device) for its in units]
                for (place, _), gradient in zip(factors, gradients, strict=True):
                    of_items[place] += here.layout.sum(gradient)
                for total, items in zip(found, of_items, strict=True):
                    total += items.abs().sum(dim=0)
                n_items += here.layout.n_sequences
    finally:
        for hook in hooks:
            hook.remove()
        model.train(training)
    return [total / max(1, n_items) for total in found]


def _factored(
    place: int, units: Units, factors: list[tuple[int, Tensor]]
) -> Callable[[nn.Module, tuple[Tensor]], tuple[Tensor]]:
    """What multiplies the input of a units' output layer [T, n x width] by a factor of 1 for each token and unit."""

    def multiply(module: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
        factor = torch.ones(len(given[0]), units.n, device=given[0].device, requires_grad=True)
        factors.append((place, factor))
        return (given[0] * units.spread(factor),)

    return multiply


def chosen(importance: Tensor, n: int) -> Tensor:
    """Which are the `n` most important, of equals the first. bool [n]"""
    order = importance.argsort(descending=True, stable=True)
    return torch.zeros_like(importance, dtype=torch.bool).index_fill(0, order[:n], True)


@torch.no_grad()
def zero_smallest(matrices: Sequence[Tensor], share: float, scope: str) -> None:
    """Set this share of the weights to zero, those nearest zero: of all together, or of each matrix."""
    groups = [list(matrices)] if scope == "global" else [[matrix] for matrix in matrices]
    for group in groups:
        sizes = torch.cat([matrix.abs().flatten() for matrix in group])
        gone = torch.ones_like(sizes)
        gone[sizes.topk(round(share * len(sizes)), largest=False).indices] = 0
        for matrix, kept in zip(group, torch.split(gone, [matrix.numel() for matrix in group]), strict=True):
            matrix.mul_(kept.view_as(matrix))


class GradualPruning:
    """Takes out more and more during training, and keeps it out.

    After step t of T the share is s(1 - (1 - t/T)³); Zhu and Gupta 2017, arXiv:1710.01878, eq. 1. It is raised at most
    N_UPDATES times. Weights are set to zero after every step, so that what is taken out learns nothing.
    """

    def __init__(self, model: Model, pruning: Pruning, n_steps: int, batches: Callable[[], Iterable[Batch]]) -> None:
        self._model, self._pruning, self._batches = model, pruning, batches
        self._span = max(1, round(pruning.gradual_share * n_steps))
        self._units, self._matrices = units_in(model.encoder), matrices_in(model.encoder)
        self._kept: list[Tensor] = []
        self._nonzero: list[Tensor] = []

    def after_step(self, n_done: int) -> None:
        """Raise the share, if it is time, and keep at zero what is out."""
        every = max(1, self._span // N_UPDATES)
        if n_done <= self._span and (n_done % every == 0 or n_done == self._span):
            self._raise(1 - (1 - n_done / self._span) ** 3)
        self.silence()

    @torch.no_grad()
    def silence(self) -> None:
        """Set to zero what is out; also where weights were averaged over steps."""
        for units, kept in zip(self._units, self._kept, strict=False):
            units.silence(kept)
        for matrix, nonzero in zip(self._matrices, self._nonzero, strict=False):
            matrix.mul_(nonzero)

    def _raise(self, progress: float) -> None:
        pruning = self._pruning
        shares = {"heads": progress * pruning.heads, "ffn": progress * pruning.ffn}
        found = importances(self._model, pruning, self._batches)
        self._kept = [
            chosen(importance, n_kept(units.n, shares[units.kind]))
            for units, importance in zip(self._units, found, strict=True)
        ]
        if pruning.weights:
            zero_smallest(self._matrices, progress * pruning.weights, pruning.scope)
            self._nonzero = [matrix != 0 for matrix in self._matrices]
