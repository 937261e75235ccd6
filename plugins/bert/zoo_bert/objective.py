"""Masked tokens and next sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from torch import Tensor

from zoo import Batch, Dims, Ids, Objective, Output, Passage, ZooError
from zoo.blocks import PairObjective, TokenPrediction, predict_tokens
from zoo.text.corpus import TokenCorpus


class MaskedTokens(Objective):
    """Predict the tokens that masking hid; Devlin et al. 2019, section 3.1, task 1.

    With bias="unigram" the output bias starts at each token's log frequency instead of zero, which spares small
    models the steps that it takes to learn it.
    """

    def __init__(self, dims: Dims, *, bias: Literal["zero", "unigram"] = "zero") -> None:
        super().__init__()
        self.bias = bias
        self.head = TokenPrediction(dims)

    def observe(self, counts: Tensor) -> None:
        """Start the output bias at log frequencies, half a count added to each, if so asked."""
        if self.bias == "unigram":
            smoothed = counts + 0.5
            self.head.bias.data.copy_((smoothed / smoothed.sum()).log())

    def forward(self, hidden: Tensor, batch: Batch, token_table: Tensor) -> Output:
        """[T, H] to logits [M, V] of the M tokens to predict."""
        return predict_tokens(self.head, hidden, batch, token_table)


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
        if corpus.n_documents < 2:
            raise ZooError(
                "bert.nsp needs text of another document, and the corpus has one; separate documents by blank lines"
            )
        other = int(rng.integers(corpus.n_documents - 1))
        other += other >= passage.document
        second = _sentences_of(corpus, other, len(passage.second), rng)
        return replace(passage, second=second, labels={**passage.labels, self.label: 1})


def _sentences_of(corpus: TokenCorpus, document: int, length: int, rng: np.random.Generator) -> Ids:
    """Whole sentences from a random place of a document, together as near to `length` ids as they come.

    Whole and neither longer nor shorter in the mean, so that neither the end nor the length betrays a random text.
    """
    first, last = corpus.document_offsets[document : document + 2].tolist()
    start = int(rng.integers(first, last))
    ends = corpus.sentence_offsets[start + 1 : last + 1] - corpus.sentence_offsets[start]
    return corpus.run(start, start + 1 + int(np.abs(ends - length).argmin()))
