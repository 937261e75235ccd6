"""A stack of transformer layers, each with weights of its own."""

from __future__ import annotations

from zoo import Dims
from zoo.blocks import AttentionBlock, FeedForwardBlock, Layer, LayerStack


class Stack(LayerStack):
    """L post-norm layers; Devlin et al. 2019, section 3."""

    def __init__(self, dims: Dims) -> None:
        super().__init__(Layer(AttentionBlock(dims), FeedForwardBlock(dims)) for _ in range(dims.n_layers))
