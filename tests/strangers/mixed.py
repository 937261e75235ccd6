"""A learned mix of all layers: Peters et al. 2018, arXiv:1802.05365, equation 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo import Batch, Dims, Objective, Output
from zoo.blocks import TokenPrediction, predict_tokens


class MixedTokens(Objective):
    """Masked tokens from all layers."""

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
