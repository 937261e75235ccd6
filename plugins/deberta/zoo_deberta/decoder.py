"""The enhanced mask decoder: absolute positions join last; He et al. 2021, arXiv:2006.03654, section 3.2."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from zoo import Batch, Dims, Layout, Output
from zoo.blocks import AttentionBlock, FeedForwardBlock, MaskedTokens, SelfAttention, attend

RUNS = 2
"""How often the decoder's one layer is applied; microsoft/DeBERTa, DeBERTa/apps/models/masked_language_model.py."""


class EnhancedMaskDecoder(MaskedTokens):
    """Predict masked tokens from a decoder that asks the last hidden states where each token also knows its place.

    Its queries begin as hidden states plus absolute positions, and are what it gave before in the second run; keys and
    values stay the hidden states. Its layer is one of its own, with plain attention, and goes with the objective:
    microsoft/DeBERTa applies the encoder's last layer.
    """

    def __init__(self, dims: Dims, *, bias: Literal["zero", "unigram"] = "zero") -> None:
        super().__init__(dims, bias=bias)
        self.positions = nn.Embedding(dims.max_length, dims.hidden_width)
        self.attention = AttentionBlock(dims, Asking(dims))
        self.feedforward = FeedForwardBlock(dims)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V]."""
        decoded = hidden + self.positions(batch.layout.positions)
        for _ in range(RUNS):
            decoded = self.feedforward(self.attention(decoded, batch.layout, hidden))
        return super().forward(decoded, batch, token_table)


class Asking(SelfAttention):
    """Attention whose queries are not the hidden states that it reads."""

    def forward(self, asking: Tensor, layout: Layout, hidden: Tensor) -> Tensor:  # type: ignore[override]
        """Queries [T, H], and what they read [T, H]; -> [T, H]"""
        query, key, value = (
            layer(read).view(read.shape[0], self.n_heads, -1)
            for layer, read in ((self.query, asking), (self.key, hidden), (self.value, hidden))
        )
        mixed = attend(query, key, value, layout, dropout=self.dropout if self.training else 0.0)
        out: Tensor = self.output(mixed.flatten(1))
        return out
