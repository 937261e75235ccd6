"""The input formats that RoBERTa compares with BERT's; Liu et al. 2019, section 4.2."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

from zoo import Packing, Passage
from zoo.text.corpus import Offsets, TokenCorpus
from zoo.text.packing import divided


class FullSentences(Packing):
    """As many whole sentences as fit, running on from document to document with a separator between them.

    A sentence longer than a sequence is cut into pieces; nothing is left out. `Passage.document` is the first one.
    """

    pairs = False

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every id once and in order."""
        pieces = _pieces(corpus, capacity)
        limits = corpus.sentence_offsets[corpus.document_offsets[1:-1]]  # where a document ends and the next begins
        ids = np.insert(corpus.ids, limits, corpus.separator)
        starts = (pieces[:-1] + np.searchsorted(limits, pieces[:-1], side="right")).tolist()
        ends = (pieces[1:] + np.searchsorted(limits, pieces[1:], side="left")).tolist()
        documents = np.searchsorted(limits, pieces[:-1], side="right").tolist()
        for first, stop in _runs(starts, ends, 0, len(starts), capacity):
            yield Passage(documents[first], ids[starts[first] : ends[stop - 1]])


class DocSentences(Packing):
    """As many whole sentences of one document as fit; a document's last passage may be short."""

    pairs = False

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every id once and in order."""
        pieces = _pieces(corpus, capacity)
        documents = np.searchsorted(pieces, corpus.sentence_offsets[corpus.document_offsets]).tolist()
        starts, ends = pieces[:-1].tolist(), pieces[1:].tolist()
        for document in range(corpus.n_documents):
            for first, stop in _runs(starts, ends, documents[document], documents[document + 1], capacity):
                yield Passage(document, corpus.ids[starts[first] : ends[stop - 1]])


class SentencePair(Packing):
    """Two neighbouring sentences of one document, each a part.

    The last of an odd number comes once more with the one before it, and a document's only sentence is divided itself.
    """

    pairs = True

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every sentence in a passage at least once; what is too long is cut later."""
        documents = corpus.document_offsets.tolist()
        for document in range(corpus.n_documents):
            begin, stop = documents[document], documents[document + 1]
            if stop - begin == 1:
                yield from divided(corpus, document, rng)
                continue
            for start in range(begin, stop, 2):
                first = min(start, stop - 2)
                yield Passage(document, corpus.sentence(first), corpus.sentence(first + 1))


def _pieces(corpus: TokenCorpus, capacity: int) -> Offsets:
    """Where sentences begin, and where pieces of `capacity` ids do in those that are longer; the end comes last."""
    offsets = corpus.sentence_offsets
    n_pieces = -(-np.diff(offsets) // capacity)
    place = np.arange(n_pieces.sum()) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    return np.append(np.repeat(offsets[:-1], n_pieces) + place * capacity, offsets[-1])


def _runs(
    starts: Sequence[int], ends: Sequence[int], first: int, stop: int, capacity: int
) -> Iterator[tuple[int, int]]:
    """Cut the pieces from `first` to `stop` into runs of as many as fit into `capacity`; none alone is longer."""
    while first < stop:
        next_first = bisect_right(ends, starts[first] + capacity, first, stop)
        yield first, next_first
        first = next_first
