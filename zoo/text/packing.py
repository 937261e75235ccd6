"""What packings and objectives of pairs share: pieces that fit, passages of them, partners, and cutting to size."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.core.batch import Ids, Passage
from zoo.core.corpus import Offsets, TokenCorpus

PATIENCE = 8


def pieces(corpus: TokenCorpus, longest: int) -> tuple[Offsets, Offsets]:
    """The borders of the pieces that a corpus is packed in, and which of them begin a document or end the last.

    A piece is a sentence, or an equal part of a sentence that has more than `longest` ids. -> [n + 1], [documents + 1]
    """
    offsets = corpus.sentence_offsets
    lengths = np.diff(offsets)
    n_parts = -(-lengths // max(1, longest))
    sentence = np.repeat(np.arange(len(lengths)), n_parts)
    part = np.arange(len(sentence)) - np.repeat(np.cumsum(n_parts) - n_parts, n_parts)
    borders = np.append(offsets[sentence] + part * lengths[sentence] // n_parts[sentence], offsets[-1])
    return borders, np.searchsorted(borders, offsets[corpus.document_offsets])


def pair(corpus: TokenCorpus, document: int, start: int, middle: int, stop: int) -> Passage:
    """The ids of a document from `start` to `stop`, in two parts that meet at `middle`."""
    borders = np.array([start, middle, stop])
    begins = corpus.sentence_offsets[np.searchsorted(corpus.sentence_offsets, borders)] == borders
    before, between, after = (~begins).tolist()
    return Passage(document, corpus.ids[start:middle], corpus.ids[middle:stop], cuts=(before, between, after))


def divided(corpus: TokenCorpus, document: int, rng: np.random.Generator) -> Iterator[Passage]:
    """A document of one short sentence as a pair, divided within it; no passage if that is a single id."""
    start, stop = corpus.sentence_offsets[corpus.document_offsets[document : document + 2]].tolist()
    if stop - start > 1:
        yield pair(corpus, document, start, int(rng.integers(start + 1, stop)), stop)


def partners(places: Sequence[Any], kinds: Sequence[Hashable], rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Two by two, indices that are near each other in the order of their places, and of different kinds.

    Which of equal places meet is left to chance. By the majority vote of Boyer and Moore 1991, those that wait for a
    partner are always of one kind; none waits longer than for PATIENCE others, so that partners are alike.
    """
    waiting: list[tuple[int, int]] = []
    for rank, index in enumerate(sorted(rng.permutation(len(places)).tolist(), key=places.__getitem__)):
        if waiting and rank - waiting[-1][0] > PATIENCE:
            waiting.clear()
        if waiting and kinds[waiting[-1][1]] != kinds[index]:
            yield waiting.pop()[1], index
        else:
            waiting.append((rank, index))


def cut(passage: Passage, capacity: int, rng: np.random.Generator) -> Passage:
    """A passage of at most `capacity` ids, after truncate_seq_pair of google-research/bert.

    Ids are dropped from the longer part one at a time, from its front or its back by chance. This is done after the
    objectives have prepared the passage: were text cut before some of it is exchanged, the cuts would tell which.
    """
    first, second = passage.first, passage.second
    if len(passage) <= capacity:
        return passage
    if second is None:
        return replace(passage, first=_drop(first, capacity, rng))
    n_second = min(len(second), max(capacity // 2, capacity - len(first)))
    return replace(passage, first=_drop(first, capacity - n_second, rng), second=_drop(second, n_second, rng))


def _drop(ids: Ids, length: int, rng: np.random.Generator) -> Ids:
    """`length` neighbouring ids; each of the others falls to the front or the back with equal chance."""
    from_front = int(rng.binomial(len(ids) - length, 0.5))
    return ids[from_front : from_front + length]
