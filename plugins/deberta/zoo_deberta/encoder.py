"""A stack of layers that share their relative positions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from zoo import Dims, Layout
from zoo.blocks import Activation, AttentionBlock, Dropout, FeedForwardBlock, Layer, LayerStack, activation
from zoo_deberta.formulas import check_options
from zoo_deberta.relative import DisentangledAttention, RelativePositions


class DisentangledStack(LayerStack):
    """Post-norm layers with disentangled attention; He et al. 2021, arXiv:2006.03654 and arXiv:2111.09543.

    `buckets` and `max_distance` are those of the relative positions: by default 256, up to the most tokens of a text.
    `terms` may leave attention the term of the other's position (c2p) or of one's own (p2c) alone. With a
    `conv_kernel`, a convolution of so many tokens reads the embeddings beside the first layer, as in version 2's xlarge
    and xxlarge.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        buckets: int | None = 256,
        max_distance: int | None = None,
        terms: Literal["both", "c2p", "p2c"] = "both",
        conv_kernel: int = 0,
        conv_activation: Activation = "tanh",
    ) -> None:
        check_options(buckets, max_distance, conv_kernel)
        super().__init__(
            Layer(AttentionBlock(dims, DisentangledAttention(dims, terms)), FeedForwardBlock(dims))
            for _ in range(dims.n_layers)
        )
        self.relative = RelativePositions(dims, buckets, max_distance or dims.max_length)
        self.convolution = Convolution(dims, conv_kernel, conv_activation) if conv_kernel else None

    def states(self, hidden: Tensor, layout: Layout) -> Iterator[Tensor]:
        """[T, H] -> [T, H] after each layer."""
        embedded, positions = hidden, self.relative(layout.longest)
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden, layout, positions)
            if number == 0 and self.convolution is not None:
                hidden = self.convolution(embedded, hidden, layout)
            yield hidden


class Convolution(nn.Module):
    """What neighbouring tokens say together, added to a layer's output, and a norm; microsoft/DeBERTa, README, nGiE."""

    def __init__(self, dims: Dims, kernel: int, activation_name: Activation) -> None:
        super().__init__()
        self.kernel = kernel
        self.conv = nn.Conv1d(dims.hidden_width, dims.hidden_width, kernel)
        self.dropout = Dropout(dims.dropout)
        self.activation = activation(activation_name)
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps)

    def forward(self, embedded: Tensor, hidden: Tensor, layout: Layout) -> Tensor:
        """Embeddings and hidden states [T, H] -> [T, H]"""
        padded, _ = layout.pad(embedded)
        before = self.kernel - 1 if layout.causal else self.kernel // 2
        read = self.conv(F.pad(padded.mT, (before, self.kernel - 1 - before))).mT
        out: Tensor = self.norm(hidden + self.activation(self.dropout(layout.pack(read))))
        return out
