"""The papers' optimizers, with weight decay, and LAMB's scaling, of matrices only."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import unwrap
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from zoo.blocks.depth import by_depth
from zoo.core.specs import Recipe, Techniques
from zoo.model import Model


def make_optimizer(model: nn.Module, recipe: Recipe, *, sharded: bool = False) -> torch.optim.Optimizer:
    """The recipe's optimizer over all parameters that are not frozen; biases and norms, of one dimension, don't decay.

    If `sharded`, each process keeps the state of its own share of the parameters; Rajbhandari et al. 2020,
    arXiv:1910.02054, section 5.1.
    """
    groups = [group for params, share in _with_rates(model, recipe) for group in _groups(params, recipe, share)]
    kind: type[torch.optim.Optimizer] = Lamb
    options: dict[str, Any] = {"lr": recipe.learning_rate, "betas": (recipe.beta1, recipe.beta2), "eps": recipe.epsilon}
    if recipe.optimizer == "adamw" and recipe.bias_correction:
        kind, options = AdamW, options | {"fused": True}
    else:
        options |= {"bias_correction": recipe.bias_correction, "scaled": recipe.optimizer == "lamb"}
    return _sharded(groups, kind, options) if sharded else kind(groups, **options)


def _with_rates(model: nn.Module, recipe: Recipe) -> list[tuple[list[nn.Parameter], float]]:
    """All parameters, with the share of the learning rate that each depth takes."""
    decay = recipe.layer_decay if isinstance(recipe, Techniques) else 1.0
    if decay == 1.0 or not isinstance(model, Model):
        return [(list(model.parameters()), 1.0)]
    return [(depth, decay**above) for above, depth in enumerate(reversed(by_depth(model, model.variant.dims.n_layers)))]


def _groups(parameters: list[nn.Parameter], recipe: Recipe, share: float) -> list[dict[str, Any]]:
    """Those that are not frozen, matrices and others apart."""
    own = [] if share == 1.0 else [("rate_share", share)]
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in trained if _is_matrix(p)], "weight_decay": recipe.weight_decay, **dict(own)},
        {"params": [p for p in trained if not _is_matrix(p)], "weight_decay": 0.0, **dict(own)},
    ]


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
        """Move every parameter that has a gradient, all of a group together: on a GPU in few kernels."""
        for group in self.param_groups:
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            for some in (list(its) for _, its in groupby(sorted(moving, key=_is_matrix), _is_matrix)):
                self._move(some, group, scaled=self.scaled and _is_matrix(some[0]))

    def _move(self, parameters: list[Tensor], group: dict[str, Any], *, scaled: bool) -> None:
        updates = self._directions(parameters, group)
        if group["weight_decay"]:
            torch._foreach_add_(updates, parameters, alpha=group["weight_decay"])
        if scaled:
            sizes, changes = torch._foreach_norm(parameters), torch._foreach_norm(updates)
            ratios = [_trust_ratio(*norms) for norms in zip(sizes, changes, strict=True)]
            torch._foreach_mul_(updates, [group["lr"] * ratio for ratio in ratios])
        else:
            torch._foreach_mul_(updates, group["lr"])
        torch._foreach_sub_(parameters, updates)

    def _directions(self, parameters: list[Tensor], group: dict[str, Any]) -> list[Tensor]:
        """The mean gradients over the roots of the mean squares."""
        beta1, beta2 = group["betas"]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        states = [self._state(parameter) for parameter in parameters]
        means, squares = [state["mean"] for state in states], [state["square"] for state in states]
        torch._foreach_add_([state["step"] for state in states], 1)
        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - beta2)
        if self.bias_correction:
            n = states[0]["step"].double()
            means = list(torch._foreach_div(means, 1 - beta1**n))
            squares = list(torch._foreach_div(squares, 1 - beta2**n))
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, group["eps"])
        return list(torch._foreach_div(means, roots))

    def _state(self, parameter: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        return state


def _is_matrix(parameter: Tensor) -> bool:
    """Whether it is neither a bias nor a norm's gain, which have one dimension."""
    return parameter.ndim > 1


def _trust_ratio(parameter: Tensor, update: Tensor) -> Tensor:
    """The norm of the weights over the norm of the update; 1 where either is zero."""
    size, change = parameter.norm(), update.norm()
    return torch.where((size > 0) & (change > 0), size / change, 1.0)
