"""BERT's input format: two neighbouring segments of one document; Devlin et al. 2019, appendix A.2."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from zoo import Packing, Passage, ZooError
from zoo.core.corpus import TokenCorpus
from zoo.text.packing import divided, pair, pieces


class SegmentPair(Packing):
    """Chunks of a document of as many sentences as fit, each divided between two sentences drawn by chance.

    For a share `short_seq_prob` of the documents, what they are to fit in is drawn from 2 ids to the full length.
    It differs from create_instances_from_document of google-research/bert in three respects. That program lets a chunk
    overflow and drops what is too much: here every id is read, and a sentence longer than a third of a sequence may be
    split into equal pieces. It fills chunks from a document's front, where long sentences then come first: here from
    front or back by chance, so that neither part is longer. It leaves chunks with one sentence, which can be paired
    only with a foreign text: here a chunk has at least two pieces, a document's last one, left alone, comes once more
    with the one beside it, and a document's only one is divided itself.
    With `lone_sentences` such chunks are left as that program leaves them, for an objective that finds them a partner.
    """

    pairs = True

    def __init__(self, short_seq_prob: float = 0.1, lone_sentences: bool = False) -> None:
        if not 0.0 <= short_seq_prob <= 1.0:
            raise ZooError(f"short_seq_prob={short_seq_prob}: give a share from 0 to 1")
        self.short_seq_prob = short_seq_prob
        self.least = 1 if lone_sentences else 2

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every id in a passage at least once; passages fit."""
        borders, limits = pieces(corpus, capacity if self.least == 1 else capacity // 3)
        cuts = ~np.isin(borders, corpus.sentence_offsets)
        for document, (begin, end) in enumerate(pairwise(limits.tolist())):
            if end - begin < self.least:
                yield from divided(corpus, document, rng)
                continue
            target = int(rng.integers(2, capacity + 1)) if rng.random() < self.short_seq_prob else capacity
            direction = 1 if rng.random() < 0.5 else -1
            places, cut = (each[begin : end + 1][::direction].tolist() for each in (direction * borders, cuts))
            for start, stop in self._chunks(places, cut, target):
                first, last = sorted((direction * places[start], direction * places[stop]))
                if stop - start == 1:
                    yield Passage(document, corpus.ids[first:last])
                else:
                    middle = rng.choice(_like(cut, start, range(start + 1, stop)))
                    yield pair(corpus, document, first, direction * places[middle], last)

    def _chunks(self, places: Sequence[int], cut: Sequence[bool], target: int) -> Iterator[tuple[int, int]]:
        """The borders where each chunk begins and ends: both within a sentence or neither, if it is half full so."""
        start, last = 0, len(places) - 1
        while start < last:
            start = min(start, last - self.least)
            least, half = start + self.least, bisect_left(places, places[start] + target / 2)
            most = max(least, bisect_right(places, places[start] + target) - 1)
            stop = _like(cut, start, range(max(least, min(half, most)), most + 1))[-1]
            yield start, stop
            start = stop


def _like(cut: Sequence[bool], start: int, borders: Sequence[int]) -> Sequence[int]:
    """Those borders that cut a sentence, or don't, as the one at the start, so that parts can be swapped unseen.

    All of them if there are none.
    """
    return [border for border in borders if cut[border] == cut[start]] or borders
