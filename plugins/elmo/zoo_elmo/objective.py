"""Language models in both directions; Peters et al. 2018, section 3.1."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from zoo import IGNORE, Batch, Dims, Objective, Output
from zoo.blocks import log_frequencies, next_tokens, predict_next_tokens, predict_targets, wide_linear
from zoo_elmo.formulas import half_of


class BothLanguageModels(Objective):
    """Predict each token from those before it by half of the hidden states, and from those after it by the other half.

    Both use one output layer. With bias="unigram" its bias starts at each token's log frequency instead of zero. A
    projection comes before a token table that is not as wide as a direction.
    """

    counts_targets_only = True

    def __init__(self, dims: Dims, *, bias: Literal["zero", "unigram"] = "zero") -> None:
        super().__init__()
        self.start = bias
        half = half_of(dims)
        self.project = nn.Linear(half, dims.embedding_width) if half != dims.embedding_width else nn.Identity()
        self.bias = nn.Parameter(torch.zeros(dims.vocab_size))

    def set_token_frequencies(self, counts: Tensor) -> None:
        """Start the output bias at log frequencies, half a count added to each, if `bias` says so."""
        if self.start == "unigram":
            self.bias.data.copy_(log_frequencies(counts))

    def wide_logits(self, hidden: Tensor, token_table: Tensor) -> Tensor:
        """[M, H/2], [V, E] -> [M, V or more]"""
        return wide_linear(self.project(hidden), token_table, self.bias)

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token but the first of its sequence, and every one but the last. Scalar."""
        return 2 * (next_tokens(batch) != IGNORE).sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V], M = 2(T - B), those from the left first."""
        left, right = hidden.chunk(2, dim=1)
        wanted = batch.predicted("previous tokens", _previous_tokens, batch.ids)
        onward = predict_next_tokens(self, left, batch, token_table)
        back = predict_targets(self, right, wanted, token_table)
        targets = torch.cat([onward.targets, back.targets])
        return Output((onward.loss + back.loss) / 2, torch.cat([onward.logits, back.logits]), targets)


def _previous_tokens(batch: Batch) -> Tensor:
    """The id before each token; IGNORE for the first one of a sequence, and where a bucket is filled up. [T]"""
    targets = batch.ids.roll(1).index_fill(0, batch.layout.starts, IGNORE)
    return targets.masked_fill(batch.filling, IGNORE) if batch.in_bucket else targets
