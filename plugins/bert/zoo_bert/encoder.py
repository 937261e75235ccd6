"""A stack of transformer layers, each with weights of its own."""

from __future__ import annotations

from collections.abc import Iterator

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
        last = hidden
        for last in self.states(hidden, layout):  # noqa: B007  # one at a time: a list would keep them all
            pass
        return last

    def states(self, hidden: Tensor, layout: Layout) -> Iterator[Tensor]:
        """[T, H] -> [T, H] after each layer."""
        for layer in self.layers:
            hidden = layer(hidden, layout)
            yield hidden
