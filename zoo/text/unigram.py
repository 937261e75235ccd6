"""Learn the pieces of a unigram language model; Kudo 2018, arXiv:1804.10959, section 3.2.

The Rust library and SentencePiece look for candidates among substrings that different words have in common, weighting
each word once. A text of few words, each of them frequent, then gets hardly any whole word (measured on one of 320
words: 2.0 and 2.6 characters a token, against 4.6 here). Here candidates are weighted by how often the text holds
them. The same counts give the same pieces: nothing depends on the order of a hash table.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_PIECE = 16
LONGEST_WORD = 24
"""Longer words are learned from in parts; so no probability of a word underflows."""
MOST_WORDS = 50_000
CANDIDATES_PER_PIECE = 10
KEPT_PER_ROUND = 0.75

Floats = NDArray[np.float64]
Group = tuple[Floats, NDArray[np.int32]]
"""Words of one length L: their counts [n], and which piece runs from a first to a last character, [n, L, L]."""


def learn_pieces(counts: Mapping[str, int], n_pieces: int, letters: Sequence[str]) -> list[tuple[str, float]]:
    """At most `n_pieces` pieces with their log-probabilities, the most probable first; all `letters` are among them.

    Expectation-maximisation over all ways to cut each word, then the pieces least expected are dropped, in rounds.
    """
    counts = _known_parts(counts, letters)
    words = sorted(counts, key=lambda word: (-counts[word], word))[:MOST_WORDS]
    pieces, probabilities = _candidates(words, counts, letters, CANDIDATES_PER_PIECE * n_pieces)
    groups = _lattices(words, counts, pieces)
    while True:
        for _ in range(2):
            expected = _expected_counts(groups, probabilities)
            expected[: len(letters)] += 1e-3  # a letter keeps a chance, however seldom it stands alone
            probabilities = np.append(expected[:-1] / expected[:-1].sum(), 0.0)
        if len(pieces) <= n_pieces:
            break
        keep = max(n_pieces, int(KEPT_PER_ROUND * len(pieces)))
        ranks = np.lexsort((np.arange(len(pieces)), -expected[:-1], np.arange(len(pieces)) >= len(letters)))
        kept = np.sort(ranks[:keep])
        moved = np.full(len(pieces) + 1, len(kept), dtype=np.int32)
        moved[kept] = np.arange(len(kept))
        groups = [(weights, moved[edges]) for weights, edges in groups]
        pieces = [pieces[index] for index in kept]
        probabilities = np.append(probabilities[kept], 0.0)
    used = [i for i in range(len(pieces)) if i < len(letters) or expected[i] >= 0.5]
    return sorted(((pieces[i], float(np.log(probabilities[i]))) for i in used), key=lambda pair: (-pair[1], pair[0]))


def _known_parts(counts: Mapping[str, int], letters: Sequence[str]) -> Counter[str]:
    """Words cut where a letter is none of those given, and every LONGEST_WORD letters, as of a text without spaces."""
    known, parts = re.compile(f"[{re.escape(''.join(letters))}]{{1,{LONGEST_WORD}}}"), Counter[str]()
    for word, count in counts.items():
        for part in known.findall(word):
            parts[part] += count
    return parts


def _candidates(
    words: Sequence[str], counts: Mapping[str, int], letters: Sequence[str], most: int
) -> tuple[list[str], Floats]:
    """The letters, then the substrings that cover most of the text; and first probabilities, with a 0 for no piece."""
    found: Counter[str] = Counter(dict.fromkeys(letters, 0))
    for word in words:
        for start in range(len(word)):
            for stop in range(start + 1, min(len(word), start + LONGEST_PIECE) + 1):
                found[word[start:stop]] += counts[word]
    longer = [piece for piece, count in found.items() if len(piece) > 1 and count > 1]
    longer.sort(key=lambda piece: (-found[piece] * len(piece), piece))
    pieces = [*letters, *longer[:most]]
    weights = np.array([found[piece] for piece in pieces], dtype=np.float64)
    return pieces, np.append(weights / weights.sum(), 0.0)


def _lattices(words: Sequence[str], counts: Mapping[str, int], pieces: Sequence[str]) -> list[Group]:
    index = {piece: i for i, piece in enumerate(pieces)}
    by_length: dict[int, list[str]] = defaultdict(list)
    for word in words:
        by_length[len(word)].append(word)
    groups = []
    for length, members in sorted(by_length.items()):
        edges = np.full((len(members), length, length), len(pieces), dtype=np.int32)
        for row, word in enumerate(members):
            for start in range(length):
                for last in range(start, min(length, start + LONGEST_PIECE)):
                    edges[row, start, last] = index.get(word[start : last + 1], len(pieces))
        groups.append((np.array([counts[word] for word in members], dtype=np.float64), edges))
    return groups


def _expected_counts(groups: Sequence[Group], probabilities: Floats) -> Floats:
    """How often each piece is expected, by the forward and backward sums over every word's cuts."""
    expected: NDArray[Any] = np.zeros(len(probabilities))
    for counts, edges in groups:
        n_words, length, _ = edges.shape
        chance = probabilities[edges]
        forward, backward = np.zeros((2, n_words, length + 1))
        forward[:, 0] = backward[:, length] = 1.0
        for i in range(length):
            forward[:, i + 1] = (forward[:, : i + 1] * chance[:, : i + 1, i]).sum(axis=1)
            j = length - 1 - i
            backward[:, j] = (chance[:, j, j:] * backward[:, j + 1 :]).sum(axis=1)
        shares = forward[:, :-1, None] * chance * backward[:, None, 1:] * (counts / forward[:, -1])[:, None, None]
        expected += np.bincount(edges.ravel(), shares.ravel(), len(probabilities))
    return expected
