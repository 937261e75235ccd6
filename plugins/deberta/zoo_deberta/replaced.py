"""Replaced-token detection, the gradients of embeddings kept apart; He et al. 2023, arXiv:2111.09543, section 3."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

import zoo.blocks
from zoo import IGNORE, Batch, Dims, Embedding, Objective, Output
from zoo.blocks import Dropout, MaskedTokens, activation, corrupted
from zoo_deberta.encoder import DisentangledStack
from zoo_deberta.formulas import generator_dims


class Difference(nn.Embedding):
    """What is added to another table; it starts at zero."""

    keeps_own_init = True

    def reset_parameters(self) -> None:
        """Zeros."""
        nn.init.zeros_(self.weight)


class GradientDisentangledEmbedding(zoo.blocks.TokenEmbedding):
    """The generator's tokens, which only the generator trains, and a difference that only the encoder trains.

    He et al. 2023, section 3.3: E_D = sg(E_G) + E_delta. A folder of another library's format has the sum.
    """

    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self.dims = dims
        self.difference = Difference(dims.vocab_size, dims.embedding_width)

    def narrow(self, batch: Batch) -> Tensor:
        """[T] -> [T, E], as the generator reads them."""
        out: Tensor = self.tokens(batch.ids)
        return out

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        out: Tensor = self.dropout(self.norm(self.tokens(batch.ids).detach() + self.difference(batch.ids)))
        return out

    def exported(self) -> tuple[str, Embedding]:
        """Tokens alone, each the sum of both tables."""
        plain = zoo.blocks.TokenEmbedding(self.dims)
        plain.norm = self.norm
        plain.tokens.weight.data = (self.tokens.weight + self.difference.weight).detach()
        return "deberta.tokens", plain


class Generator(MaskedTokens):
    """Predict masked tokens with an encoder of the same width and fewer layers, and put what it draws in their place.

    It has `depth` times as many layers as the encoder, half of them in released models (microsoft/DeBERTa,
    experiments/language_model). Its token table is the embedding's; no gradient flows through what is drawn.
    """

    reads = "embedded"
    fills_masks = False

    def __init__(
        self,
        dims: Dims,
        *,
        depth: float = 0.5,
        buckets: int | None = 256,
        bias: Literal["zero", "unigram"] = "zero",
    ) -> None:
        small = generator_dims(dims, depth)
        super().__init__(small, bias=bias)
        width = dims.embedding_width
        self.norm = nn.LayerNorm(width, eps=dims.norm_eps)
        self.dropout = Dropout(dims.dropout)
        self.project = nn.Linear(width, dims.hidden_width) if width != dims.hidden_width else nn.Identity()
        self.encoder = DisentangledStack(small, buckets=buckets)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """Embeddings [T, E] to logits [M, V], and a batch in which M tokens are drawn from them."""
        read = self.encoder(self.project(self.dropout(self.norm(hidden))), batch.layout)
        made = super().forward(read, batch, token_table)
        return replace(made, corrupted=corrupted(batch, made.logits.detach()))


class ReplacedTokens(Objective):
    """Of each token, whether the generator replaced it, seen beside the first token of its text.

    microsoft/DeBERTa, replaced_token_detection_model.py; its loss has fifty times the weight of the generator's.
    """

    needs_corrupted = True

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps)
        self.dense = nn.Linear(dims.hidden_width, dims.hidden_width)
        self.activation = activation(dims.activation)
        self.output = nn.Linear(dims.hidden_width, 1)

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token. Scalar."""
        return batch.layout.sizes.sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [T]: above 0, a token is held to be replaced."""
        first = batch.layout.first(hidden).index_select(0, batch.layout.sequence_of)
        logits = self.output(self.activation(self.dense(self.norm(first + hidden)))).squeeze(1)
        replaced = (batch.targets != IGNORE) & (batch.targets != batch.ids)
        loss = F.binary_cross_entropy_with_logits(logits.float(), replaced.float())
        return Output(loss, logits, replaced.long())
