"""Token, segment and position embeddings of one width."""

from __future__ import annotations

from torch import Tensor, nn

from zoo import Batch, Dims, Embedding, ZooError
from zoo.blocks import Dropout


class AbsoluteEmbedding(Embedding):
    """The sum of token, segment and learned absolute position, then norm and dropout; Devlin et al. 2019, s. 3."""

    def __init__(self, dims: Dims, *, n_segments: int = 2) -> None:
        super().__init__()
        width = dims.hidden_width
        if dims.embedding_width != width:
            raise ZooError(
                f"it needs dims.embedding_width={dims.embedding_width} equal to dims.hidden_width={width}; "
                "make them equal, or use an embedding that projects, as +embedding=albert.factorized"
            )
        self.tokens = nn.Embedding(dims.vocab_size, width)
        self.segments = nn.Embedding(n_segments, width)
        self.positions = nn.Embedding(dims.max_length, width)
        self.norm = nn.LayerNorm(width, eps=dims.norm_eps)
        self.dropout = Dropout(dims.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        summed = self.tokens(batch.ids) + self.segments(batch.segments) + self.positions(batch.layout.positions)
        out: Tensor = self.dropout(self.norm(summed))
        return out
