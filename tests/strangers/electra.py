"""Replaced-token detection: Clark et al. 2020, arXiv:2003.10555, section 3."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo import IGNORE, Batch, Dims, Objective, Output
from zoo.blocks import (
    AttentionBlock,
    FeedForwardBlock,
    Layer,
    LayerStack,
    TokenPrediction,
    activation,
    predict_tokens,
)


class Generator(Objective):
    """Predict masked tokens with a small network, and put tokens drawn from its predictions in their place.

    It is `size` times as wide as the encoder. It reads the model's own embeddings if `shared`, tokens and positions
    alike, and its output layer their table; else it has its own.
    """

    reads = "embedded"

    def __init__(self, dims: Dims, *, size: float = 0.25, shared: bool = True) -> None:
        super().__init__()
        n_heads = max(1, round(dims.required("n_heads") * size))
        width = n_heads * max(1, round(dims.hidden_width * size / n_heads))
        sizes = {"hidden_width": width, "n_heads": n_heads, "ffn_width": round(dims.required("ffn_width") * size)}
        small = dims.model_copy(update=sizes)
        self.embedding = None if shared else OwnEmbedding(dims)
        self.project = nn.Linear(dims.embedding_width, width)
        self.encoder = LayerStack(Layer(AttentionBlock(small), FeedForwardBlock(small)) for _ in range(dims.n_layers))
        self.head = TokenPrediction(small)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """Embeddings [T, H] to logits [M, V], and a batch in which M tokens are drawn from them."""
        own = self.embedding
        read, table = (hidden, token_table) if own is None else (own(batch), own.tokens.weight)
        made = predict_tokens(self.head, self.encoder(self.project(read), batch.layout), batch, table)
        return replace(made, corrupted=_corrupted(batch, made.logits.detach()))


class OwnEmbedding(nn.Module):
    """Tokens and positions."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.tokens = nn.Embedding(dims.vocab_size, dims.embedding_width)
        self.positions = nn.Embedding(dims.max_length, dims.embedding_width)

    def forward(self, batch: Batch) -> Tensor:
        out: Tensor = self.tokens(batch.ids) + self.positions(batch.layout.positions)
        return out


def _corrupted(batch: Batch, logits: Tensor) -> Batch:
    """One token drawn from the distribution of each prediction [M, V], by one number of the batch's for each."""
    at = (batch.targets != IGNORE).nonzero().squeeze(1)
    below = logits.float().softmax(1).cumsum(1)
    drawn = batch.uniform("replacements")[at, None] * below[:, -1:]
    tokens = torch.searchsorted(below, drawn, right=True).squeeze(1).clamp(max=logits.shape[1] - 1)
    return replace(batch, ids=batch.ids.index_copy(0, at, tokens))


class ReplacedTokens(Objective):
    """Of each token, whether it was replaced; one that is drawn as it was is not. Equation 2 of section 3.1.

    The paper gives its loss fifty times the weight of the generator's.
    """

    needs_corrupted = True

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden_width, dims.hidden_width)
        self.activation = activation(dims.activation)
        self.output = nn.Linear(dims.hidden_width, 1)

    def n_targets(self, batch: Batch) -> Tensor:
        return batch.layout.sizes.sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [T]"""
        logits = self.output(self.activation(self.dense(hidden))).squeeze(1)
        replaced = (batch.targets != IGNORE) & (batch.targets != batch.ids)
        loss = F.binary_cross_entropy_with_logits(logits.float(), replaced.float())
        return Output(loss, logits, replaced.long())


class MixedTokens(Objective):
    """Masked tokens from a learned mix of all layers, Peters et al. 2018, arXiv:1802.05365, equation 1."""

    reads = "states"

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.shares = nn.Parameter(torch.zeros(dims.n_layers + 1))
        self.scale = nn.Parameter(torch.ones(()))
        self.head = TokenPrediction(dims)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[L + 1, T, H] to logits [M, V]"""
        mixed = self.scale * torch.einsum("l,lth->th", self.shares.softmax(0), hidden)
        return predict_tokens(self.head, mixed, batch, token_table)
