"""The papers' optimizers, with weight decay on matrices only."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zoo.specs import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over all parameters; biases and norms, which have one dimension, don't decay."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    betas = (recipe.beta1, recipe.beta2)
    if recipe.optimizer == "lamb":
        return Lamb(groups, lr=recipe.learning_rate, betas=betas, eps=recipe.epsilon)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=betas, eps=recipe.epsilon, fused=True)


class Lamb(torch.optim.Optimizer):
    """Adam steps scaled layer by layer to the size of the weights; You et al. 2020, arXiv:1904.00962, algorithm 2.

    As in google-research/albert (lamb_optimizer.py), moments are not bias-corrected, and parameters that don't decay
    are not scaled either.
    """

    def __init__(self, params: list[dict[str, object]], lr: float, betas: tuple[float, float], eps: float) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["mean"] = torch.zeros_like(parameter)
                    state["square"] = torch.zeros_like(parameter)
                state["mean"].lerp_(parameter.grad, 1 - beta1)
                state["square"].mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
                update = state["mean"] / (state["square"].sqrt() + group["eps"])
                ratio = torch.ones(())
                if group["weight_decay"]:
                    update.add_(parameter, alpha=group["weight_decay"])
                    ratio = _trust_ratio(parameter, update)
                parameter.sub_(update * (group["lr"] * ratio.to(update.device)))


def _trust_ratio(parameter: Tensor, update: Tensor) -> Tensor:
    """The norm of the weights over the norm of the update; 1 where either is zero."""
    size, change = parameter.norm(), update.norm()
    return torch.where((size > 0) & (change > 0), size / change, 1.0)
