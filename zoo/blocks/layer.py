"""The two halves of a transformer layer, separate so that either can be shared across layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn

from zoo.blocks.attention import SelfAttention
from zoo.blocks.dropout import Dropout
from zoo.blocks.feedforward import FeedForward
from zoo.core.batch import Layout
from zoo.core.interfaces import Encoder
from zoo.core.specs import Dims


class AttentionBlock(nn.Module):
    """Attention, dropout, residual sum, norm; Devlin et al. 2019, section 3.

    `attention` takes hidden states [T, H] and their layout, and is SelfAttention(dims) if not given; `norm` is a layer
    norm. What all layers share and attention takes besides, as relative positions, is handed on to it.
    """

    def __init__(self, dims: Dims, attention: nn.Module | None = None, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.attention = SelfAttention(dims) if attention is None else attention
        self.dropout = Dropout(dims.dropout)
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps) if norm is None else norm

    def forward(self, hidden: Tensor, layout: Layout, *shared: Any) -> Tensor:
        """[T, H] -> [T, H]"""
        return self.joined(hidden, self.attention(self.read(hidden), layout, *shared))

    def read(self, hidden: Tensor) -> Tensor:
        """What attention reads of the layer's input. [T, H] -> [T, H]"""
        return hidden

    def joined(self, hidden: Tensor, mixed: Tensor) -> Tensor:
        """What follows attention: it works token by token, so that it can be compiled. 2 x [T, H] -> [T, H]"""
        out: Tensor = self.norm(hidden + self.dropout(mixed))
        return out


class PreNormAttentionBlock(AttentionBlock):
    """Norm, attention, dropout, residual sum; Xiong et al. 2020, arXiv:2002.04745, table 1."""

    def read(self, hidden: Tensor) -> Tensor:
        """The input, normed. [T, H] -> [T, H]"""
        normed: Tensor = self.norm(hidden)
        return normed

    def joined(self, hidden: Tensor, mixed: Tensor) -> Tensor:
        """Dropout and residual sum. 2 x [T, H] -> [T, H]"""
        out: Tensor = hidden + self.dropout(mixed)
        return out


class FeedForwardBlock(nn.Module):
    """Feed-forward, dropout, residual sum, norm; Devlin et al. 2019, section 3.

    `feedforward` takes hidden states [T, H], and is FeedForward(dims) if not given; `norm` is a layer norm.
    """

    def __init__(self, dims: Dims, feedforward: nn.Module | None = None, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.feedforward = FeedForward(dims) if feedforward is None else feedforward
        self.dropout = Dropout(dims.dropout)
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps) if norm is None else norm

    def forward(self, hidden: Tensor) -> Tensor:
        """[T, H] -> [T, H]"""
        out: Tensor = self.norm(hidden + self.dropout(self.feedforward(hidden)))
        return out


class PreNormFeedForwardBlock(FeedForwardBlock):
    """Norm, feed-forward, dropout, residual sum; Xiong et al. 2020, arXiv:2002.04745, table 1."""

    def forward(self, hidden: Tensor) -> Tensor:
        """[T, H] -> [T, H]"""
        out: Tensor = hidden + self.dropout(self.feedforward(self.norm(hidden)))
        return out


class Layer(nn.Module):
    """A transformer layer from its two halves; a half given to several layers is shared."""

    def __init__(self, attention: AttentionBlock, feedforward: FeedForwardBlock) -> None:
        super().__init__()
        self.attention = attention
        self.feedforward = feedforward

    def forward(self, hidden: Tensor, layout: Layout, *shared: Any) -> Tensor:
        """[T, H] -> [T, H]; what is `shared` with other layers goes to attention."""
        out: Tensor = self.feedforward(self.attention(hidden, layout, *shared))
        return out


class LayerStack(Encoder):
    """A sequence of layers, with a `norm` after the last, as pre-norm layers need.

    A layer takes hidden states [T, H] and their layout. A subclass with another order overrides `states`.
    """

    can_be_causal = True

    def __init__(self, layers: Iterable[nn.Module] = (), norm: nn.Module | None = None) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = norm

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        last = hidden
        for last in self.states(hidden, layout):  # noqa: B007  # one at a time: a list would keep them all
            pass
        return last

    def states(self, hidden: Tensor, layout: Layout) -> Iterator[Tensor]:
        """[T, H] -> [T, H] after each layer, the last one normed."""
        for number, layer in enumerate(self.layers, start=1):
            hidden = layer(hidden, layout)
            yield hidden if self.norm is None or number < len(self.layers) else self.norm(hidden)
