"""Masked language models that read a generator's tokens: ELECTRA taken apart; Clark et al. 2020, section 3.4."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo import IGNORE, Batch, Dims, Output
from zoo.blocks import MaskedTokens, predict_tokens


class OriginalTokens(MaskedTokens):
    """Predict which token stood where the generator put one: "Replace MLM" and, over all tokens, "All-Tokens MLM".

    Over all tokens, a gate at each gives a probability of copying what is read; the rest is the prediction's.
    """

    needs_corrupted = True
    fills_masks = False
    counts_targets_only = False

    def __init__(
        self, dims: Dims, *, over: Literal["all", "masked"] = "masked", bias: Literal["zero", "unigram"] = "zero"
    ) -> None:
        super().__init__(dims, bias=bias, activation="gelu")
        self.copy = nn.Linear(dims.hidden_width, 1) if over == "all" else None

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token, or those that were masked. Scalar."""
        return super().n_targets(batch) if self.copy is None else batch.layout.sizes.sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V] of the masked tokens, or log-probabilities [T, V] of all."""
        if self.copy is None:
            return predict_tokens(self.head, hidden, batch, token_table)
        original = torch.where(batch.targets == IGNORE, batch.ids, batch.targets)
        predicted = self.head(hidden, token_table).float().log_softmax(1)
        gate = self.copy(hidden).float()
        copied = F.logsigmoid(gate)
        log_chances = F.logsigmoid(-gate) + predicted
        at = batch.ids[:, None]
        log_chances = log_chances.scatter(1, at, torch.logaddexp(copied, log_chances.gather(1, at)))
        return Output(F.nll_loss(log_chances, original), log_chances, original)
