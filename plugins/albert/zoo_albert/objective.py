"""Sentence order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo import Dims, Passage, ZooError
from zoo.blocks import PairObjective
from zoo.text.corpus import TokenCorpus
from zoo.text.packing import foreign


class SentenceOrder(PairObjective):
    """Tell two consecutive segments in order (0) from the same two swapped (1); Lan et al. 2020, section 3.1.

    Where a chunk holds one sentence, the released code falls back to a random document's text, which is next-sentence
    prediction. Here such chunks make no pair, unless `fallback` is set and the packing leaves them
    (bert.segment_pair with lone_sentences); each is then marked by a label of its own, so that they can be counted.
    """

    label = "albert.sop"
    fallback_label = "albert.sop.fallback"

    def __init__(self, dims: Dims, *, fallback: bool = False) -> None:
        super().__init__(dims)
        self.fallback = fallback

    def prepare(self, passage: Passage, corpus: TokenCorpus, rng: np.random.Generator) -> Passage:
        """Every other passage, by chance, has its two parts swapped. Raises ZooError where it has a single part."""
        if passage.second is None:
            return self._with_foreign(passage, corpus, rng)
        if rng.random() < 0.5:
            return replace(passage, labels={**passage.labels, self.label: 0})
        swapped = {**passage.labels, self.label: 1}
        return replace(passage, first=passage.second, second=passage.first, labels=swapped)

    def _with_foreign(self, passage: Passage, corpus: TokenCorpus, rng: np.random.Generator) -> Passage:
        if not self.fallback:
            raise ZooError("albert.sop needs passages of two parts; use a packing of pairs, as bert.segment_pair")
        second = foreign(corpus, passage.document, len(passage.first), rng)
        return replace(passage, second=second, labels={**passage.labels, self.label: 1, self.fallback_label: 1})
