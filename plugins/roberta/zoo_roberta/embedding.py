"""Token and position embeddings; positions start after the padding index."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo import Batch, Dims, Embedding
from zoo.blocks import Dropout
from zoo.formulas import MOST_ROWS, between, one_width


class OffsetEmbedding(Embedding):
    """The sum of token and learned position, then norm and dropout, without segment information; Liu et al. 2019.

    Position 0 has row `padding_index` + 1 of the table (fairseq, modules/positional_embedding.py), so 512 positions
    take 514 rows. `segment` is the one row that released checkpoints add to every token in place of segments; if a
    checkpoint has more rows (`n_segments`), the others are kept but unused, as RoBERTa has no segments.
    """

    def __init__(self, dims: Dims, *, padding_index: int = 1, n_segments: int = 1) -> None:
        super().__init__()
        width = one_width(dims)
        self.offset = between("padding_index", padding_index, 0, MOST_ROWS) + 1
        self.tokens = nn.Embedding(dims.vocab_size, width)
        self.segment = nn.Parameter(torch.zeros(n_segments, width))
        self.positions = nn.Embedding(dims.max_length + self.offset, width)
        self.norm = nn.LayerNorm(width, eps=dims.norm_eps)
        self.dropout = Dropout(dims.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        positions = self.positions(batch.layout.positions + self.offset)
        out: Tensor = self.dropout(self.norm(self.tokens(batch.ids) + self.segment[0] + positions))
        return out
