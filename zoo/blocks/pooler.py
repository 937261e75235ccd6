"""One vector per sequence."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.blocks.activation import Activation, activation
from zoo.core.specs import Dims


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


class NormedPooler(nn.Module):
    """A dense layer, an activation and a norm, without biases; AnswerDotAI/ModernBERT, the prediction head."""

    def __init__(self, dims: Dims, activation_name: Activation = "gelu") -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden_width, dims.hidden_width, bias=False)
        self.activation = activation(activation_name)
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """[B, H] -> [B, H], or [T, H] -> [T, H]"""
        out: Tensor = self.norm(self.activation(self.dense(vectors)))
        return out
