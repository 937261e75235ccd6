"""Tables of tokens, segments and positions, summed: the embedding of BERT and of most families after it."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.blocks.dropout import Dropout
from zoo.core.batch import Batch
from zoo.core.interfaces import Embedding
from zoo.core.specs import Dims
from zoo.formulas import MOST_ROWS, between


class SummedEmbedding(Embedding):
    """The sum of token, segment and learned absolute position, then norm and dropout; Devlin et al. 2019, section 3.

    The tables have the width E, which `project` widens if it is not H. Without segments (`n_segments` of 0) the texts
    of a pair are told apart by the separator alone; with one, pairs are refused. `norm` leaves out the norm if false.
    """

    def __init__(self, dims: Dims, *, n_segments: int = 0, norm: bool = True, project: nn.Module | None = None) -> None:
        super().__init__()
        width = dims.embedding_width
        self.tokens = nn.Embedding(dims.vocab_size, width)
        between("n_segments", n_segments, 0, MOST_ROWS)
        self.segments = nn.Embedding(n_segments, width) if n_segments else None
        self.reads_pairs = n_segments != 1
        self.positions = nn.Embedding(dims.max_length, width)
        self.norm = nn.LayerNorm(width, eps=dims.norm_eps) if norm else None
        self.dropout = Dropout(dims.dropout)
        self.project = project

    def narrow(self, batch: Batch) -> Tensor:
        """[T] -> [T, E]"""
        summed = self.tokens(batch.ids)
        if self.segments is not None:
            summed = summed + self.segments(batch.token_types)
        summed = summed + self.positions(batch.layout.positions)
        out: Tensor = self.dropout(summed if self.norm is None else self.norm(summed))
        return out

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        narrow = self.narrow(batch)
        return narrow if self.project is None else self.project(narrow)
