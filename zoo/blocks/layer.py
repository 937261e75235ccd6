"""The two halves of a post-norm transformer layer, apart so that each can be shared across layers alone."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.blocks.attention import SelfAttention
from zoo.blocks.dropout import Dropout
from zoo.blocks.feedforward import FeedForward
from zoo.core.batch import Layout
from zoo.core.specs import Dims


class AttentionBlock(nn.Module):
    """Self-attention, dropout, residual sum, layer norm; Devlin et al. 2019, section 3."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.attention = SelfAttention(dims)
        self.dropout = Dropout(dims.dropout)
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        out: Tensor = self.norm(hidden + self.dropout(self.attention(hidden, layout)))
        return out


class FeedForwardBlock(nn.Module):
    """Feed-forward, dropout, residual sum, layer norm; Devlin et al. 2019, section 3."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.feedforward = FeedForward(dims)
        self.dropout = Dropout(dims.dropout)
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        """[T, H] -> [T, H]"""
        out: Tensor = self.norm(hidden + self.dropout(self.feedforward(hidden)))
        return out


class Layer(nn.Module):
    """A post-norm transformer layer of given halves; a half given to several layers is shared by them."""

    def __init__(self, attention: AttentionBlock, feedforward: FeedForwardBlock) -> None:
        super().__init__()
        self.attention = attention
        self.feedforward = feedforward

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        out: Tensor = self.feedforward(self.attention(hidden, layout))
        return out
