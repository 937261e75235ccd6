"""What packings and objectives of pairs share, and how a passage is cut to size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from zoo.batch import Ids, Passage
from zoo.errors import ZooError
from zoo.text.corpus import TokenCorpus


def cut(passage: Passage, capacity: int, rng: np.random.Generator) -> Passage:
    """A passage of at most `capacity` ids, after truncate_seq_pair of google-research/bert.

    Ids are dropped from the longer part one at a time, from its front or its back by chance. This is done after the
    objectives have prepared the passage: were text cut before some of it is exchanged, the cuts would tell which.
    """
    first, second = passage.first, passage.second
    if len(first) + (0 if second is None else len(second)) <= capacity:
        return passage
    if second is None:
        return replace(passage, first=_drop(first, capacity, rng))
    n_second = min(len(second), max(capacity // 2, capacity - len(first)))
    return replace(passage, first=_drop(first, capacity - n_second, rng), second=_drop(second, n_second, rng))


def _drop(ids: Ids, length: int, rng: np.random.Generator) -> Ids:
    """`length` neighbouring ids; each of the others falls to the front or the back with equal chance."""
    from_front = int(rng.binomial(len(ids) - length, 0.5))
    return ids[from_front : from_front + length]


def divided(corpus: TokenCorpus, document: int, rng: np.random.Generator) -> Iterator[Passage]:
    """A document of one sentence as a pair, divided within the sentence; no passage if that is a single id."""
    ids = corpus.document(document)
    if len(ids) > 1:
        middle = int(rng.integers(1, len(ids)))
        yield Passage(document, ids[:middle], ids[middle:])


def foreign(corpus: TokenCorpus, document: int, length: int, rng: np.random.Generator) -> Ids:
    """Whole sentences from a random place of another document, together as near to `length` ids as they come.

    Whole and neither longer nor shorter in the mean, so that neither the end nor the length betrays a random text.
    Raises ZooError where there is no other document.
    """
    if corpus.n_documents < 2:
        raise ZooError("text of another document is needed, and the corpus has one; separate documents by blank lines")
    other = int(rng.integers(corpus.n_documents - 1))
    other += other >= document
    first, last = corpus.document_offsets[other : other + 2].tolist()
    start = int(rng.integers(first, last))
    ends = corpus.sentence_offsets[start + 1 : last + 1] - corpus.sentence_offsets[start]
    return corpus.run(start, start + 1 + int(np.abs(ends - length).argmin()))
