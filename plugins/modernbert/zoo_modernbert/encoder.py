"""Layers that see all tokens and layers that see a window, in turn."""

from __future__ import annotations

from torch import nn

from zoo import Dims
from zoo.blocks import (
    GatedFeedForward,
    Layer,
    LayerStack,
    PreNormAttentionBlock,
    PreNormFeedForwardBlock,
    Rotary,
    SelfAttention,
)
from zoo.formulas import head_width
from zoo_modernbert.formulas import check_options


class AlternatingStack(LayerStack):
    """Norms before, no biases, rotary positions, gated feed-forward; Warner et al. 2024, sections 2.1.1 and 2.1.2.

    The first layer and every `global_every`-th after it see all tokens, and rotate by `global_base`; the others see
    `window` tokens on either side, and rotate by `local_base`. The embedding's norm serves the first attention.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        window: int = 64,
        global_every: int = 3,
        local_base: float = 10_000.0,
        global_base: float = 160_000.0,
    ) -> None:
        check_options(window, global_every)

        def norm() -> nn.Module:
            return nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps, bias=False)

        def layer(index: int) -> Layer:
            is_global = index % global_every == 0
            attention = SelfAttention(
                dims,
                positions=Rotary(head_width(dims), global_base if is_global else local_base),
                window=None if is_global else window,
                bias=False,
            )
            return Layer(
                PreNormAttentionBlock(dims, attention, norm() if index else nn.Identity()),
                PreNormFeedForwardBlock(dims, GatedFeedForward(dims, bias=False), norm()),
            )

        super().__init__([layer(index) for index in range(dims.n_layers)], norm())
