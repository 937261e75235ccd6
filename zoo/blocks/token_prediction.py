"""Predicting tokens: the output layer of masked language models."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.activation import activation as make_activation
from zoo.blocks.cross_entropy import cross_entropy_sum
from zoo.core.batch import Batch, Output, Predicted
from zoo.core.specs import Activation, Dims


class TokenPrediction(nn.Module):
    """Hidden states to logits over the vocabulary through the token table; google-research/bert, run_pretraining.py.

    One head serves E = H (BERT) and E < H (ALBERT): the transform narrows to the table's width. Its activation is the
    layers' unless it has one of its own, as RoBERTa's.
    """

    def __init__(self, dims: Dims, activation: Activation | None = None) -> None:
        super().__init__()
        self.transform = nn.Linear(dims.hidden_width, dims.embedding_width)
        self.activation = make_activation(activation or dims.activation)
        self.norm = nn.LayerNorm(dims.embedding_width, eps=dims.norm_eps)
        self.bias = nn.Parameter(torch.zeros(dims.vocab_size))

    def forward(self, hidden: Tensor, token_table: Tensor) -> Tensor:
        """[M, H] and the token table [V, E] to logits [M, V]."""
        return F.linear(self.norm(self.activation(self.transform(hidden))), token_table, self.bias)


def predict_tokens(head: TokenPrediction, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
    """The loss at the tokens that have a target; logits are computed only there.

    A batch in which nothing is masked has a loss of zero, not NaN.
    """
    return predict_targets(head, hidden, batch.predicted("tokens", _targets, batch.targets), token_table)


def predict_targets(head: TokenPrediction, hidden: Tensor, wanted: Predicted, token_table: Tensor) -> Output:
    """The loss at the tokens that have one of these targets; logits are computed only there."""
    logits = head(hidden.index_select(0, wanted.places), token_table)
    return Output(cross_entropy_sum(logits, wanted.targets) / wanted.n, logits, wanted.targets)


def _targets(batch: Batch) -> Tensor:
    return batch.targets
