"""Language modeling from left to right."""

from __future__ import annotations

from torch import Tensor, nn

from zoo import IGNORE, Batch, Dims, Objective, Output
from zoo.blocks import next_tokens, predict_next_tokens, wide_linear


class LanguageModel(Objective):
    """Predict each token from those before it, by a product with the token table; Radford et al. 2018, equations 1, 2.

    If not `tied`, the output layer has a table of its own. A projection comes before a table that is narrower than the
    layers, which GPT's never is.
    """

    causal = True
    fills_masks = True
    counts_targets_only = True

    def __init__(self, dims: Dims, *, tied: bool = True) -> None:
        super().__init__()
        narrow = dims.embedding_width != dims.hidden_width
        self.project = nn.Linear(dims.hidden_width, dims.embedding_width) if narrow else nn.Identity()
        self.decoder = None if tied else nn.Linear(dims.embedding_width, dims.vocab_size, bias=False)

    def wide_logits(self, hidden: Tensor, token_table: Tensor) -> Tensor:
        """[M, H], [V, E] -> [M, V or more]"""
        table = token_table if self.decoder is None else self.decoder.weight
        return wide_linear(self.project(hidden), table, hidden.new_zeros(len(table)))

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token but the first of its sequence. Scalar."""
        return (next_tokens(batch) != IGNORE).sum()

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V], M = T - B."""
        return predict_next_tokens(self, hidden, batch, token_table)
