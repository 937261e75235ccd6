"""Token, segment and position embeddings of one width."""

from __future__ import annotations

from torch import Tensor, nn

from zoo import Batch, Dims, Embedding
from zoo.blocks import Dropout
from zoo.formulas import MOST_ROWS, between, one_width


class AbsoluteEmbedding(Embedding):
    """The sum of token, segment and learned absolute position, then norm and dropout; Devlin et al. 2019, s. 3."""

    def __init__(self, dims: Dims, *, n_segments: int = 2) -> None:
        super().__init__()
        width = one_width(dims)
        self.tokens = nn.Embedding(dims.vocab_size, width)
        self.segments = nn.Embedding(between("n_segments", n_segments, 1, MOST_ROWS), width)
        self.reads_pairs = n_segments > 1
        self.positions = nn.Embedding(dims.max_length, width)
        self.norm = nn.LayerNorm(width, eps=dims.norm_eps)
        self.dropout = Dropout(dims.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        summed = self.tokens(batch.ids) + self.segments(batch.token_types) + self.positions(batch.layout.positions)
        out: Tensor = self.dropout(self.norm(summed))
        return out
