"""One vector per sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Pooler(nn.Module):
    """A dense layer with tanh over one vector per sequence; google-research/bert, modeling.py."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)

    def forward(self, vectors: Tensor) -> Tensor:
        """[B, H] -> [B, H]"""
        return torch.tanh(self.dense(vectors))
