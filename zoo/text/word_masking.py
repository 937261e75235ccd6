"""Masks of whole words and of neighbouring words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import Flags, Ids
from zoo.core.errors import ZooError
from zoo.core.interfaces import Tokenizer
from zoo.text.masking import TokenMasking


class WordMasking(TokenMasking):
    """Runs of 1 to `max_n` whole words, a run of n words with a probability proportional to 1/n.

    As create_masked_lm_predictions of google-research/albert: runs begin at words drawn by chance; one that exceeds
    what is left to choose is shortened word by word, and given up if even one word does; so is one that meets another.
    It differs in that a run stops at a special token, where that program goes on behind it. Which of a run's tokens
    are hidden, replaced or kept is drawn for each alone.
    """

    def __init__(
        self,
        n_static_masks: int | None,
        max_n: int,
        rate: float = 0.15,
        mask_share: float = 0.8,
        random_share: float = 0.1,
        max_predictions: int | None = None,
    ) -> None:
        super().__init__(n_static_masks, rate, mask_share, random_share, max_predictions)
        if max_n < 1:
            raise ZooError(f"max_n={max_n}: give 1 or more")
        self.max_n = max_n

    def select(
        self, ids: Ids, lengths: NDArray[np.int64], special: Flags, tokenizer: Tokenizer, rng: np.random.Generator
    ) -> Flags:
        """Which tokens are to be predicted: runs of whole words. [T]"""
        starts, ends = word_borders(ids, lengths, special, tokenizer)
        sequence_of = np.repeat(np.arange(len(lengths)), lengths)[starts]
        weights = 1 / np.arange(1, self.max_n + 1)
        n_words = rng.choice(np.arange(1, self.max_n + 1), len(starts), p=weights / weights.sum())
        limits = np.searchsorted(sequence_of, sequence_of, side="right")  # the first word of the next sequence
        run_stops = np.minimum(np.arange(len(starts)) + n_words, limits).tolist()
        order = np.lexsort((rng.random(len(starts)), sequence_of))

        left = self.quota(lengths).tolist()
        chosen = bytearray(len(ids))
        word_starts, word_ends = starts.tolist(), ends.tolist()
        for first, sequence in zip(order.tolist(), sequence_of[order].tolist(), strict=True):
            start = stop = word_starts[first]
            for word in range(first, run_stops[first]):
                if word_starts[word] != stop or word_ends[word] - start > left[sequence]:
                    break
                stop = word_ends[word]
            if start < stop and chosen.find(1, start, stop) < 0:
                chosen[start:stop] = b"\1" * (stop - start)
                left[sequence] -= stop - start
        return np.frombuffer(chosen, dtype=np.bool_)


def word_borders(
    ids: Ids, lengths: NDArray[np.int64], special: Flags, tokenizer: Tokenizer
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each word of packed ids begins and ends; what follows a special token begins one, whatever its piece."""
    fresh = np.append(True, special)
    fresh[np.cumsum(lengths)] = True
    begins = ~special & (fresh[:-1] | tokenizer.word_starts[ids])
    borders = np.append(np.flatnonzero(begins | special), len(ids))  # a word ends where the next thing begins
    words = np.flatnonzero(begins[borders[:-1]])
    return borders[words], borders[words + 1]
