"""The discriminator's objective: replaced-token detection; Clark et al. 2020, section 3."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from zoo import IGNORE, Batch, Dims, Objective, Output
from zoo.blocks import activation


class ReplacedTokens(Objective):
    """Of each token, whether the generator replaced it; one drawn as it was counts as original.

    The loss is over all tokens; the paper gives it fifty times the weight of the generator's (section 3.1, equation of
    the combined loss, and table 6).
    """

    needs_corrupted = True

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden_width, dims.hidden_width)
        self.activation = activation(dims.activation)
        self.output = nn.Linear(dims.hidden_width, 1)

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token. Scalar."""
        return batch.layout.sizes.sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [T]: above 0, a token is held to be replaced."""
        logits = self.output(self.activation(self.dense(hidden))).squeeze(1)
        replaced = (batch.targets != IGNORE) & (batch.targets != batch.ids)
        loss = F.binary_cross_entropy_with_logits(logits.float(), replaced.float())
        return Output(loss, logits, replaced.long())
