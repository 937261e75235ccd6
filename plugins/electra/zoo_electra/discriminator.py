"""The discriminator's objective: replaced-token detection; Clark et al. 2020, section 3."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from zoo import IGNORE, Batch, Dims, Objective, Output
from zoo.blocks import activation


class ReplacedTokens(Objective):
    """Of each token, whether the generator replaced it; one drawn as it was counts as original.

    The loss is over all tokens; the paper gives it fifty times the weight of the generator's (section 3.1, equation of
    the combined loss, and table 6). With over="masked" it is over the tokens that were masked alone, as in "ELECTRA
    15%" of section 3.4.
    """

    needs_corrupted = True

    def __init__(self, dims: Dims, *, over: Literal["all", "masked"] = "all") -> None:
        super().__init__()
        self.over = over
        self.dense = nn.Linear(dims.hidden_width, dims.hidden_width)
        self.activation = activation(dims.activation)
        self.output = nn.Linear(dims.hidden_width, 1)

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token, or those that were masked. Scalar."""
        return batch.layout.sizes.sum() if self.over == "all" else super().n_targets(batch)

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [T], or [M] of the masked tokens: above 0, a token is held to be replaced."""
        replaced = (batch.targets != IGNORE) & (batch.targets != batch.ids)
        if self.over == "masked":
            masked = batch.predicted("tokens", lambda batch: batch.targets, batch.targets).places
            hidden, replaced = hidden.index_select(0, masked), replaced.index_select(0, masked)
        logits = self.output(self.activation(self.dense(hidden))).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(logits.float(), replaced.float(), reduction="sum")
        return Output(loss / max(1, len(logits)), logits, replaced.long())
