"""The initialisation of a whole model, from its variant's record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from zoo.core.seeds import seed_of
from zoo.core.specs import Init


@runtime_checkable
class KeysAsQueries(Protocol):
    """An attention that the setting `keys_start_as_queries` reaches: it can copy its queries' weights to its keys."""

    def start_keys_as_queries(self) -> None:
        """Make keys start as queries do."""


def initialise(model: nn.Module, init: Init, seed: int) -> None:
    """Draw every linear layer and embedding from a normal distribution, biases zero; norms keep 1 and 0.

    A layer's values depend only on the seed and its name in the model, so two models start alike wherever they have the
    same layers; of two tables of one width, the longer begins like the shorter. Devlin et al. 2019 use a standard
    deviation of 0.02 throughout (google-research/bert, initializer_range).

    Other kinds of layer keep the initialisation of their constructor, and so does everything in a module with a true
    attribute `keeps_own_init`.
    """
    with torch.no_grad():
        for name, module in _open_modules(model):
            if isinstance(module, nn.Linear):
                _draw(module.weight, init.linear_std, seed, name)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                _draw(module.weight, init.embedding_std, seed, name)
        for _, module in _open_modules(model):
            if init.keys_start_as_queries and isinstance(module, KeysAsQueries):
                module.start_keys_as_queries()
            positions = getattr(module, "positions", None)
            if init.positions == "sinusoidal" and isinstance(positions, nn.Embedding):
                n_positions, width = positions.weight.shape
                positions.weight.copy_(sinusoids(n_positions, width, init))


def settings_that_reach(model: nn.Module) -> set[str]:
    """The fields of Init that change something in a module."""
    found = set()
    for _, module in _open_modules(model):
        reached = {
            "linear_std": isinstance(module, nn.Linear),
            "embedding_std": isinstance(module, nn.Embedding),
            "positions": isinstance(getattr(module, "positions", None), nn.Embedding),
            "keys_start_as_queries": isinstance(module, KeysAsQueries),
        }
        found |= {name for name, is_reached in reached.items() if is_reached}
    return found


def _open_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules, by name, that the record initialises."""
    closed = {
        inner for outer in model.modules() if getattr(outer, "keeps_own_init", False) for inner in outer.modules()
    }
    return ((name, module) for name, module in model.named_modules() if module not in closed)


def _draw(weight: Tensor, std: float, seed: int, name: str) -> None:
    if weight.is_meta:  # it has no values, and that device no generators
        return
    weight.normal_(0.0, std, generator=torch.Generator(weight.device).manual_seed(seed_of("weights", seed, name)))


def sinusoids(n_positions: int, width: int, init: Init) -> Tensor:
    """Sines and cosines of geometric wavelengths, [S, E]; Vaswani et al. 2017, section 3.5, with base and amplitude."""
    pairs = (width + 1) // 2
    rates = init.position_base ** (-torch.arange(pairs) * 2 / width)
    angles = torch.arange(n_positions)[:, None] * rates
    waves = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
    return init.position_amplitude * waves[:, :width]
