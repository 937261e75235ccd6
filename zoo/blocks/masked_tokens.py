"""The objective of masked language models, which several families have."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from zoo.blocks.activation import Activation
from zoo.blocks.token_prediction import TokenPrediction, log_frequencies, predict_tokens
from zoo.core.batch import Batch, Output
from zoo.core.interfaces import Objective
from zoo.core.specs import Dims


class MaskedTokens(Objective):
    """Predict the tokens that masking hid; Devlin et al. 2019, section 3.1, task 1.

    With bias="unigram" the output bias starts at each token's log frequency instead of zero, so small models need not
    learn it. If not `tied`, the output layer has its own table. The head's `activation` is the layers' if not given;
    without `head_bias`, its transform and norm have no biases.
    """

    fills_masks = True
    counts_targets_only = True

    def __init__(
        self,
        dims: Dims,
        *,
        bias: Literal["zero", "unigram"] = "zero",
        tied: bool = True,
        activation: Activation | None = None,
        head_bias: bool = True,
    ) -> None:
        super().__init__()
        self.bias = bias
        self.head = TokenPrediction(dims, activation, bias=head_bias)
        self.decoder = None if tied else nn.Linear(dims.embedding_width, dims.vocab_size, bias=False)

    def set_token_frequencies(self, counts: Tensor) -> None:
        """Start the output bias at log frequencies, half a count added to each, if `bias` says so."""
        if self.bias == "unigram":
            self.head.bias.data.copy_(log_frequencies(counts))

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V] of the M tokens to predict."""
        return predict_tokens(self.head, hidden, batch, self.table(token_table))

    def table(self, token_table: Tensor) -> Tensor:
        """The output layer's table: the one of tokens, or its own. [V, E]"""
        return token_table if self.decoder is None else self.decoder.weight
