"""The input formats that RoBERTa compares with BERT's; Liu et al. 2019, section 4.2."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from zoo import Packing, Passage
from zoo.core.corpus import TokenCorpus
from zoo.text.packing import divided, pair, pieces


class FullSentences(Packing):
    """As many whole sentences as fit, running on from document to document with a separator between them.

    A sentence longer than a sequence is cut into pieces; nothing is left out. `Passage.document` is the first one.
    """

    pairs = False

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every id once and in order."""
        borders, _ = pieces(corpus, capacity)
        limits = corpus.sentence_offsets[corpus.document_offsets[1:-1]]  # where a document ends and the next begins
        ids = np.insert(corpus.ids, limits, corpus.separator)
        starts = (borders[:-1] + np.searchsorted(limits, borders[:-1], side="right")).tolist()
        ends = (borders[1:] + np.searchsorted(limits, borders[1:], side="left")).tolist()
        documents = np.searchsorted(limits, borders[:-1], side="right").tolist()
        for first, stop in _runs(starts, ends, 0, len(starts), capacity):
            yield Passage(documents[first], ids[starts[first] : ends[stop - 1]])


class DocSentences(Packing):
    """As many whole sentences of one document as fit; a document's last passage may be short."""

    pairs = False

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every id once and in order."""
        borders, limits = pieces(corpus, capacity)
        starts, ends = borders[:-1].tolist(), borders[1:].tolist()
        for document, (begin, end) in enumerate(pairwise(limits.tolist())):
            for first, stop in _runs(starts, ends, begin, end, capacity):
                yield Passage(document, corpus.ids[starts[first] : ends[stop - 1]])


class SentencePair(Packing):
    """Two neighbouring sentences of one document, each a part.

    A sentence longer than half a sequence is split into equal pieces, which are paired as sentences are. If their
    number is odd, the last is used again with the one before it; a document's only sentence is split.
    """

    pairs = True

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every id in a passage at least once; passages fit."""
        borders, limits = pieces(corpus, capacity // 2)
        for document, (begin, end) in enumerate(pairwise(limits.tolist())):
            if end - begin == 1:
                yield from divided(corpus, document, rng)
                continue
            for start in range(begin, end, 2):
                first = min(start, end - 2)
                yield pair(corpus, document, *borders[first : first + 3].tolist())


def _runs(
    starts: Sequence[int], ends: Sequence[int], first: int, stop: int, capacity: int
) -> Iterator[tuple[int, int]]:
    """Cut the pieces from `first` to `stop` into runs of as many as fit into `capacity`; none alone is longer."""
    while first < stop:
        next_first = bisect_right(ends, starts[first] + capacity, first, stop)
        yield first, next_first
        first = next_first
