"""Masked tokens and next sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from torch import Tensor, nn

from zoo import IGNORE, Batch, Dims, Objective, Output, Passage, ZooError
from zoo.blocks import Activation, PairObjective, TokenPrediction, predict_tokens
from zoo.text.corpus import TokenCorpus
from zoo.text.packing import foreign


class MaskedTokens(Objective):
    """Predict the tokens that masking hid; Devlin et al. 2019, section 3.1, task 1.

    With bias="unigram" the output bias starts at each token's log frequency instead of zero, which spares small
    models the steps that it takes to learn it. Where not `tied`, the output layer has a table of its own. The head's
    `activation` is the layers', if not given.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        bias: Literal["zero", "unigram"] = "zero",
        tied: bool = True,
        activation: Activation | None = None,
    ) -> None:
        super().__init__()
        self.bias = bias
        self.head = TokenPrediction(dims, activation)
        self.decoder = None if tied else nn.Linear(dims.embedding_width, dims.vocab_size, bias=False)

    def observe(self, counts: Tensor) -> None:
        """Start the output bias at log frequencies, half a count added to each, if so asked."""
        if self.bias == "unigram":
            smoothed = counts + 0.5
            self.head.bias.data.copy_((smoothed / smoothed.sum()).log())

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V] of the M tokens to predict."""
        return predict_tokens(self.head, hidden, batch, self._table(token_table))

    def _table(self, token_table: Tensor) -> Tensor:
        return token_table if self.decoder is None else self.decoder.weight


class NextToken(MaskedTokens):
    """Predict each token from those before it; "LTR", Devlin et al. 2019, section 5.1."""

    causal = True

    def n_targets(self, batch: Batch) -> Tensor:
        """Every token but the first of its sequence. Scalar."""
        return batch.layout.sizes.sum() - batch.layout.n_sequences

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V], M = T - B."""
        last = batch.layout.starts + batch.layout.sizes - 1
        targets = batch.ids.roll(-1).index_fill(0, last, IGNORE)
        return predict_tokens(self.head, hidden, replace(batch, targets=targets), self._table(token_table))


class NextSentence(PairObjective):
    """Tell the text that follows (0) from text of another document (1); Devlin et al. 2019, section 3.1, task 2.

    Differs from google-research/bert, create_pretraining_data.py, in one respect: text that a random one takes the
    place of is not put back to begin the next passage.
    """

    label = "bert.nsp"

    def prepare(self, passage: Passage, corpus: TokenCorpus, rng: np.random.Generator) -> Passage:
        """Every other passage, by chance, gets a second part from another document.

        Raises ZooError where the corpus has a single document, or the passage a single part.
        """
        if passage.second is None:
            raise ZooError("bert.nsp needs passages of two parts; use a packing of pairs, as bert.segment_pair")
        if rng.random() < 0.5:
            return replace(passage, labels={**passage.labels, self.label: 0})
        second = foreign(corpus, passage.document, len(passage.second), rng)
        return replace(passage, second=second, labels={**passage.labels, self.label: 1})
