"""One vector per sequence."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.blocks.activation import Activation, activation


class Pooler(nn.Module):
    """A dense layer with an activation over one vector per sequence; google-research/bert, modeling.py, has tanh."""

    def __init__(self, width: int, activation_name: Activation = "tanh") -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.activation = activation(activation_name)

    def forward(self, vectors: Tensor) -> Tensor:
        """[B, H] -> [B, H]"""
        out: Tensor = self.activation(self.dense(vectors))
        return out
