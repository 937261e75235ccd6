"""Narrow embeddings, widened by a projection."""

from __future__ import annotations

from torch import Tensor, nn

from zoo import Batch, Dims, Embedding
from zoo.blocks import Dropout
from zoo.formulas import MOST_ROWS, between


class FactorizedEmbedding(Embedding):
    """V x E tables and an E x H projection in place of V x H; Lan et al. 2020, section 3.1.

    Position and segment tables and the norm are E wide, as in the released code.
    """

    def __init__(self, dims: Dims, *, n_segments: int = 2) -> None:
        super().__init__()
        width = dims.embedding_width
        self.tokens = nn.Embedding(dims.vocab_size, width)
        self.segments = nn.Embedding(between("n_segments", n_segments, 1, MOST_ROWS), width)
        self.reads_pairs = n_segments > 1
        self.positions = nn.Embedding(dims.max_length, width)
        self.norm = nn.LayerNorm(width, eps=dims.norm_eps)
        self.dropout = Dropout(dims.dropout)
        self.project = nn.Linear(width, dims.hidden_width)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        summed = self.tokens(batch.ids) + self.segments(batch.token_types) + self.positions(batch.layout.positions)
        out: Tensor = self.project(self.dropout(self.norm(summed)))
        return out
