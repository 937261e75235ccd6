"""A stack of transformer layers, each with weights of its own."""

from __future__ import annotations

from torch import Tensor, nn

from zoo import Dims, Encoder, Layout
from zoo.blocks import AttentionBlock, FeedForwardBlock, Layer


class Stack(Encoder):
    """L post-norm layers; Devlin et al. 2019, section 3."""

    can_be_causal = True

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(AttentionBlock(dims), FeedForwardBlock(dims)) for _ in range(dims.n_layers))

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        for layer in self.layers:
            hidden = layer(hidden, layout)
        return hidden
