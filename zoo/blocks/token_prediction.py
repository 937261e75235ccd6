"""Predicting tokens: the output layer of masked language models."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.activation import activation as make_activation
from zoo.blocks.cross_entropy import cross_entropy_sum
from zoo.blocks.products import precision
from zoo.blocks.token_table import table_product
from zoo.core.batch import IGNORE, Batch, Output, Predicted
from zoo.core.specs import Activation, Dims

MULTIPLE = 64
"""Of what the vocabulary is filled up to on a GPU."""

LARGE = 2**31
"""Operations from which on oneDNN computes logits: for each number of tokens it takes milliseconds to prepare."""


class TokenHead(Protocol):
    """What gives logits of the vocabulary: TokenPrediction, or a head of one's own."""

    def wide_logits(self, hidden: Tensor, token_table: Tensor) -> Tensor:
        """[M, H], [V, E] -> [M, V or more], the logits beyond V without any probability"""


class TokenPrediction(nn.Module):
    """Hidden states to logits over the vocabulary through the token table; google-research/bert, run_pretraining.py.

    One head serves E = H (BERT) and E < H (ALBERT): the transform narrows to the table's width. Its activation is the
    layers' unless it has one of its own, as RoBERTa's. Without `bias`, transform and norm have none, as ModernBERT's.
    """

    def __init__(self, dims: Dims, activation: Activation | None = None, *, bias: bool = True) -> None:
        super().__init__()
        self.transform = nn.Linear(dims.hidden_width, dims.embedding_width, bias=bias)
        self.activation = make_activation(activation or dims.activation)
        self.norm = nn.LayerNorm(dims.embedding_width, eps=dims.norm_eps, bias=bias)
        self.bias = nn.Parameter(torch.zeros(dims.vocab_size))

    def forward(self, hidden: Tensor, token_table: Tensor) -> Tensor:
        """[M, H] and the token table [V, E] to logits [M, V]."""
        return self.wide_logits(hidden, token_table)[:, : len(token_table)]

    def wide_logits(self, hidden: Tensor, token_table: Tensor) -> Tensor:
        """Logits of the vocabulary, and on a GPU of tokens of no probability up to a multiple of 64: products of other
        sizes take kernels of half the speed there. [M, H], [V, E] -> [M, V or more]"""
        ready = self.norm(self.activation(self.transform(hidden)))
        return wide_linear(ready, token_table, self.bias)


def wide_linear(hidden: Tensor, token_table: Tensor, bias: Tensor) -> Tensor:
    """A product with a token table, on a GPU filled up to a multiple of 64 rows.

    [M, E], [V, E], [V] -> [M, V or more]
    """
    missing = -len(token_table) % MULTIPLE if hidden.device.type == "cuda" else 0
    is_large = hidden.device.type == "cpu" and len(hidden) * token_table.numel() >= LARGE
    if is_large and (dtype := precision()) is not None:
        return table_product(hidden, token_table, bias, dtype)
    if not missing:
        return F.linear(hidden, token_table, bias)
    return F.linear(hidden, F.pad(token_table, (0, 0, 0, missing)), F.pad(bias, (0, missing), value=-torch.inf))


def log_frequencies(counts: Tensor) -> Tensor:
    """The logarithm of how often each token occurs, half a count added to each: where an output bias may start. [V]"""
    smoothed = counts + 0.5
    return (smoothed / smoothed.sum()).log()


def predict_tokens(head: TokenHead, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
    """The loss at the tokens that have a target; logits are computed only there.

    A batch in which nothing is masked has a loss of zero, not NaN.
    """
    return predict_targets(head, hidden, batch.predicted("tokens", _targets, batch.targets), token_table)


def predict_next_tokens(head: TokenHead, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
    """The loss at every token but the last of its sequence: of the one after it. Logits [M, V], M = T - B."""
    return predict_targets(head, hidden, batch.predicted("next tokens", next_tokens, batch.ids), token_table)


def next_tokens(batch: Batch) -> Tensor:
    """The id after each token; IGNORE for the last one of a sequence, and where a bucket is filled up. [T]"""
    layout = batch.layout
    targets = batch.ids.roll(-1).index_fill(0, layout.starts + layout.sizes - 1, IGNORE)
    return targets.masked_fill(batch.filling, IGNORE) if batch.in_bucket else targets


def predict_targets(head: TokenHead, hidden: Tensor, wanted: Predicted, token_table: Tensor) -> Output:
    """The loss at the tokens that have one of these targets; logits are computed only there."""
    wide = head.wide_logits(hidden.index_select(0, wanted.places), token_table)
    loss = cross_entropy_sum(wide, wanted.targets) / wanted.n
    return Output(loss, wide[:, : len(token_table)], wanted.targets)


def _targets(batch: Batch) -> Tensor:
    return batch.targets
