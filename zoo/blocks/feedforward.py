"""The position-wise feed-forward network."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.blocks.activation import activation
from zoo.core.specs import Dims


class FeedForward(nn.Module):
    """Widen, activate, narrow; Vaswani et al. 2017, arXiv:1706.03762, section 3.3."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.up = nn.Linear(dims.hidden_width, dims.ffn_width)
        self.activation = activation(dims.activation)
        self.down = nn.Linear(dims.ffn_width, dims.hidden_width)

    def forward(self, hidden: Tensor) -> Tensor:
        """[T, H] -> [T, H]"""
        out: Tensor = self.down(self.activation(self.up(hidden)))
        return out
