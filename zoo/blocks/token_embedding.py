"""Tokens alone: the embedding of encoders whose attention knows the positions."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.blocks.dropout import Dropout
from zoo.core.batch import Batch
from zoo.core.interfaces import Embedding
from zoo.core.specs import Dims
from zoo.formulas import one_width


class TokenEmbedding(Embedding):
    """Tokens, a norm and dropout, without positions and segments; He et al. 2021, arXiv:2006.03654, section 3.1.

    The texts of a pair are told apart by the separator alone. `norm_bias` is whether the norm has a bias.
    """

    def __init__(self, dims: Dims, *, norm_bias: bool = True) -> None:
        super().__init__()
        self.tokens = nn.Embedding(dims.vocab_size, one_width(dims))
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps, bias=norm_bias)
        self.dropout = Dropout(dims.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        out: Tensor = self.dropout(self.norm(self.tokens(batch.ids)))
        return out
