"""The Transformer's embedding and encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo import Batch, Dims, Embedding
from zoo.blocks import AttentionBlock, Dropout, FeedForwardBlock, Layer, LayerStack, SelfAttention
from zoo.formulas import one_width


class SinusoidalEmbedding(Embedding):
    """Tokens times the square root of H, and sines and cosines of the position; Vaswani et al. 2017, s. 3.4 and 3.5.

    Positions have no parameters. Sines and cosines take turns, so number 2i and the one after it have one wavelength.
    """

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        width = one_width(dims)
        self.tokens = nn.Embedding(dims.vocab_size, width)
        self.scale = width**0.5
        self.dropout = Dropout(dims.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        tokens = self.tokens(batch.ids) * self.scale
        out: Tensor = self.dropout(tokens + waves(batch.layout.positions, tokens.shape[1]).to(tokens.dtype))
        return out


def waves(positions: Tensor, width: int) -> Tensor:
    """Sines and cosines of positions, wavelengths from 2 pi to 10,000 times that. [T] -> [T, H]"""
    rates = 10_000.0 ** (-torch.arange(0, width, 2, device=positions.device) / width)
    angles = positions[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]


class Stack(LayerStack):
    """L post-norm layers whose attention has no biases; Vaswani et al. 2017, sections 3.1 to 3.3."""

    def __init__(self, dims: Dims) -> None:
        super().__init__(
            Layer(AttentionBlock(dims, SelfAttention(dims, bias=False)), FeedForwardBlock(dims))
            for _ in range(dims.n_layers)
        )
