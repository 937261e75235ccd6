"""How weights start, for a whole model, from its variant's record."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.blocks.attention import SelfAttention
from zoo.specs import Init


def initialise(model: nn.Module, init: Init) -> None:
    """Draw every linear layer and embedding from a normal distribution, biases zero; norms keep 1 and 0.

    Devlin et al. 2019 use a standard deviation of 0.02 throughout (google-research/bert, initializer_range).
    Layers of any other kind keep the start that their own constructor gave them.
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.weight.normal_(0.0, init.linear_std)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                module.weight.normal_(0.0, init.embedding_std)
        for module in model.modules():
            if init.keys_start_as_queries and isinstance(module, SelfAttention):
                module.key.weight.copy_(module.query.weight)
            positions = getattr(module, "positions", None)
            if init.positions == "sinusoidal" and isinstance(positions, nn.Embedding):
                n_positions, width = positions.weight.shape
                positions.weight.copy_(sinusoids(n_positions, width, init))


def sinusoids(n_positions: int, width: int, init: Init) -> Tensor:
    """Sines and cosines of geometric wavelengths, [S, E]; Vaswani et al. 2017, section 3.5, with base and amplitude."""
    pairs = (width + 1) // 2
    rates = init.position_base ** (-torch.arange(pairs) * 2 / width)
    angles = torch.arange(n_positions)[:, None] * rates
    waves = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
    return init.position_amplitude * waves[:, :width]
