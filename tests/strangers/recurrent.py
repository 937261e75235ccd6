"""Bidirectional LSTM layers, which have neither heads nor a feed-forward network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo import Dims, Layout
from zoo.blocks import LayerStack


class RecurrentLayer(nn.Module):
    """One LSTM each way over every sequence; Schuster and Paliwal 1997."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, width // 2, bidirectional=True, batch_first=True)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        return torch.cat([self.lstm(rectangle)[0].flatten(0, 1) for rectangle in layout.rectangles(hidden)])


class RecurrentStack(LayerStack):
    """L of them, each reading the one below."""

    can_be_causal = False

    def __init__(self, dims: Dims) -> None:
        super().__init__(RecurrentLayer(dims.hidden_width) for _ in range(dims.n_layers))
