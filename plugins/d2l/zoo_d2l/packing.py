"""Every two neighbouring sentences as a pair."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from zoo import Packing, Passage
from zoo.core.corpus import TokenCorpus
from zoo.text.packing import divided, pair, pieces


class SentencePairs(Packing):
    """Each sentence of a document with the one after it, so that most are read twice; Zhang et al. 2021, section 15.9.

    A sentence longer than half a sequence is split into equal pieces, which are paired as sentences are; a document's
    only sentence is split. The textbook leaves pairs out that are too long.
    """

    pairs = True

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every id in a passage at least once; passages fit."""
        borders, limits = pieces(corpus, capacity // 2)
        for document, (begin, end) in enumerate(pairwise(limits.tolist())):
            if end - begin == 1:
                yield from divided(corpus, document, rng)
            for start in range(begin, end - 1):
                yield pair(corpus, document, *borders[start : start + 3].tolist())
