"""Sentence order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo import Passage, ZooError
from zoo.blocks import PairObjective
from zoo.text.corpus import TokenCorpus


class SentenceOrder(PairObjective):
    """Tell two consecutive segments in order (0) from the same two swapped (1); Lan et al. 2020, section 3.1.

    The released code falls back to a random document's text where a chunk holds one sentence, which is next-sentence
    prediction; here such chunks make no pair.
    """

    label = "albert.sop"

    def prepare(self, passage: Passage, corpus: TokenCorpus, rng: np.random.Generator) -> Passage:
        """Every other passage, by chance, has its two parts swapped. Raises ZooError where it has a single part."""
        if passage.second is None:
            raise ZooError("albert.sop needs passages of two parts; use a packing of pairs, as bert.segment_pair")
        if rng.random() < 0.5:
            return replace(passage, labels={**passage.labels, self.label: 0})
        swapped = {**passage.labels, self.label: 1}
        return replace(passage, first=passage.second, second=passage.first, labels=swapped)
