"""The papers' optimizers, with weight decay, and LAMB's scaling, of matrices only."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor, nn

from zoo.core.specs import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe, *, sharded: bool = False) -> torch.optim.Optimizer:
    """The recipe's optimizer over all parameters; biases and norms, which have one dimension, don't decay.

    If `sharded`, each process keeps the state of its own share of the parameters; Rajbhandari et al. 2020,
    arXiv:1910.02054, section 5.1.
    """
    parameters = list(model.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if _is_matrix(p)], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if not _is_matrix(p)], "weight_decay": 0.0},
    ]
    kind: type[torch.optim.Optimizer] = Lamb
    options: dict[str, Any] = {"lr": recipe.learning_rate, "betas": (recipe.beta1, recipe.beta2), "eps": recipe.epsilon}
    if recipe.optimizer == "adamw" and recipe.bias_correction:
        kind, options = AdamW, options | {"fused": True}
    else:
        options |= {"bias_correction": recipe.bias_correction, "scaled": recipe.optimizer == "lamb"}
    return _sharded(groups, kind, options) if sharded else kind(groups, **options)


def _sharded(
    groups: list[dict[str, Any]], kind: type[torch.optim.Optimizer], options: dict[str, Any]
) -> torch.optim.Optimizer:
    with warnings.catch_warnings():  # importing it runs torch's own deprecated code
        warnings.simplefilter("ignore")
        from torch.distributed.optim import ZeroRedundancyOptimizer
    return ZeroRedundancyOptimizer(groups, optimizer_class=kind, **options)


class _Plain(torch.optim.Optimizer):
    """An optimizer that is never compiled: without torch's wrappers for that, whose import takes over a second."""

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)


class AdamW(_Plain, torch.optim.AdamW):
    """PyTorch's; Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2."""

    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))


class Lamb(_Plain):
    """Adam steps scaled layer by layer to the size of the weights; You et al. 2020, arXiv:1904.00962, algorithm 2.

    Matrices are scaled, whether they decay or not; biases and norms are not, as in google-research/albert
    (optimization.py names them, lamb_optimizer.py leaves them out). Moments are not corrected for their start at zero,
    as there, unless `bias_correction`, as in the paper. Without `scaled` it is the AdamW of google-research/bert
    (optimization.py).
    """

    def __init__(
        self,
        params: list[dict[str, Any]],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        bias_correction: bool = False,
        scaled: bool = True,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})
        self.bias_correction = bias_correction
        self.scaled = scaled

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update = self._direction(parameter, group)
                    if group["weight_decay"]:
                        update.add_(parameter, alpha=group["weight_decay"])
                    ratio = _trust_ratio(parameter, update) if self.scaled and _is_matrix(parameter) else 1.0
                    parameter.sub_(update * (group["lr"] * ratio))

    def _direction(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        """The mean gradient over the root of the mean square."""
        beta1, beta2 = group["betas"]
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        state["step"] += 1
        state["mean"].lerp_(parameter.grad, 1 - beta1)
        state["square"].mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
        mean, square = state["mean"], state["square"]
        if self.bias_correction:
            n = int(state["step"])
            mean, square = mean / (1 - beta1**n), square / (1 - beta2**n)
        direction: Tensor = mean / (square.sqrt() + group["eps"])
        return direction


def _is_matrix(parameter: Tensor) -> bool:
    """Whether it is neither a bias nor a norm's gain, which have one dimension."""
    return parameter.ndim > 1


def _trust_ratio(parameter: Tensor, update: Tensor) -> Tensor:
    """The norm of the weights over the norm of the update; 1 where either is zero."""
    size, change = parameter.norm(), update.norm()
    return torch.where((size > 0) & (change > 0), size / change, 1.0)
