"""BERT's input format: two neighbouring segments of one document; Devlin et al. 2019, appendix A.2."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np

from zoo import Packing, Passage, ZooError
from zoo.text.corpus import TokenCorpus
from zoo.text.packing import divided


class SegmentPair(Packing):
    """Chunks of a document about as long as a sequence, each divided between two sentences drawn by chance.

    As create_instances_from_document of google-research/bert: a chunk takes sentences until it reaches the target,
    which for a share `short_seq_prob` of the documents is drawn from 2 to the full length; what is too much is cut
    later. It differs where that program leaves a chunk with one sentence, which it can pair only with a foreign text.
    Here every passage is two neighbouring runs of text: a chunk has at least two sentences, a document's last
    sentence, left alone, comes once more with the one before it, and a document's only sentence is divided itself.
    With `lone_sentences` such chunks are left as that program leaves them, for an objective that finds them a partner.
    """

    pairs = True

    def __init__(self, short_seq_prob: float = 0.1, lone_sentences: bool = False) -> None:
        if not 0.0 <= short_seq_prob <= 1.0:
            raise ZooError(f"short_seq_prob={short_seq_prob}: give a share from 0 to 1")
        self.short_seq_prob = short_seq_prob
        self.least = 1 if lone_sentences else 2

    def pack(self, corpus: TokenCorpus, capacity: int, rng: np.random.Generator) -> Iterator[Passage]:
        """One pass over the corpus, every sentence in a passage at least once."""
        offsets, documents = corpus.sentence_offsets.tolist(), corpus.document_offsets.tolist()
        for document in range(corpus.n_documents):
            start, stop = documents[document], documents[document + 1]
            if stop - start < self.least:
                yield from divided(corpus, document, rng)
                continue
            short = rng.random() < self.short_seq_prob
            target = int(rng.integers(2, capacity + 1)) if short else capacity
            while start < stop:
                start = min(start, stop - self.least)
                end = bisect_left(offsets, offsets[start] + target, start + self.least, stop)
                if end - start == 1:
                    yield Passage(document, corpus.run(start, end))
                else:
                    middle = int(rng.integers(start + 1, end))
                    yield Passage(document, corpus.run(start, middle), corpus.run(middle, end))
                start = end
