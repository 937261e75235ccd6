"""Words and letters counted, to learn a vocabulary from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from zoo.core.errors import ZooError

COVERAGE = 0.9999
"""The share of a text's characters that a trained vocabulary knows, if it has the room."""


def count_words(texts: Iterable[str], normalizer: Any, pre_tokenizer: Any) -> Counter[str]:
    """How often each word occurs in texts, as a normalizer and a pre-tokenizer of the library make words.

    Raises ZooError if there is none.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text)))
    if not counts:
        raise ZooError("there is no text to learn a vocabulary from; give at least one word")
    return counts


def count_letters(words: Mapping[str, int], letters: Callable[[str], Iterable[str]] = iter) -> Counter[str]:
    """How often each of a word's letters, as a function makes them of it, occurs in counted words."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for letter in letters(word):
            counts[letter] += count
    return counts


def most_frequent(counts: Counter[str], room: int) -> list[str]:
    """The most frequent characters of a text, or forms of characters: those that a vocabulary begins with.

    They fill half of the room if there are so many, and more of it as long as they are needed to cover COVERAGE.
    """
    ranked = sorted(counts, key=lambda form: (-counts[form], form))
    covered = np.cumsum([counts[form] for form in ranked]) / counts.total()
    needed = 1 + int(np.searchsorted(covered, COVERAGE))
    return ranked[: min(room, max(room // 2, needed))]
