"""Masked tokens: which ones, and what stands in their place; Devlin et al. 2019, section 3.1, task 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import IGNORE, Flags, Ids
from zoo.core.errors import ZooError
from zoo.core.interfaces import Masking, Tokenizer


class TokenMasking(Masking):
    """A share `rate` of each sequence is predicted: most of it hidden, some of it replaced, the rest left as it is.

    A sequence has round(rate x length) predictions, special tokens counted in its length as in google-research/bert,
    but at least one and at most `max_predictions`. Special tokens are never chosen, and never stand in for others.
    """

    def __init__(
        self,
        n_static_masks: int | None,
        rate: float = 0.15,
        mask_share: float = 0.8,
        random_share: float = 0.1,
        max_predictions: int | None = None,
    ) -> None:
        if not 0.0 < rate <= 1.0:
            raise ZooError(f"rate={rate}: give a share above 0, up to 1")
        if min(mask_share, random_share) < 0.0 or mask_share + random_share > 1.0:
            raise ZooError(f"mask_share={mask_share}, random_share={random_share}: give shares from 0 to 1 in all")
        if max_predictions is not None and max_predictions < 1:
            raise ZooError(f"max_predictions={max_predictions}: give 1 or more, or nothing for no limit")
        if n_static_masks is not None and n_static_masks < 1:
            raise ZooError(f"dupe_factor={n_static_masks}: give 1 or more")
        self.n_static_masks = n_static_masks
        self.rate = rate
        self.mask_share = mask_share
        self.random_share = random_share
        self.max_predictions = max_predictions

    def mask(
        self, ids: Ids, lengths: Sequence[int], special: Flags, tokenizer: Tokenizer, rng: np.random.Generator
    ) -> tuple[Ids, Ids]:
        """What the model sees and what it must predict (IGNORE elsewhere), for packed ids [T]."""
        sizes = np.asarray(lengths)
        chosen = np.flatnonzero(self.select(ids, sizes, special, tokenizer, rng))
        targets = np.full_like(ids, IGNORE)
        targets[chosen] = ids[chosen]
        fate = rng.random(len(chosen))
        hidden = fate < self.mask_share
        replaced = ~hidden & (fate < self.mask_share + self.random_share)
        seen = ids.copy()
        seen[chosen[hidden]] = tokenizer.mask_id
        words = np.setdiff1d(np.arange(tokenizer.vocab_size), (*tokenizer.special_ids, tokenizer.unk_id))
        seen[chosen[replaced]] = rng.choice(words, replaced.sum())
        return seen, targets

    def select(
        self, ids: Ids, lengths: NDArray[np.int64], special: Flags, tokenizer: Tokenizer, rng: np.random.Generator
    ) -> Flags:
        """Which tokens are to be predicted: single ones, all equally likely. [T]"""
        sequence_of = np.repeat(np.arange(len(lengths)), lengths)
        order = np.lexsort((rng.random(len(ids)), special, sequence_of))  # in each sequence, special tokens come last
        rank = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        chosen = np.zeros(len(ids), dtype=np.bool_)
        chosen[order] = rank < self.quota(lengths)[sequence_of]
        return chosen & ~special

    def quota(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many tokens of each sequence are to be predicted. [B]"""
        wanted: NDArray[np.int64] = np.rint(self.rate * lengths).astype(np.int64).clip(1, self.max_predictions)
        return wanted


class Unmasked(Masking):
    """Nothing is hidden: for models that read from left to right."""

    n_static_masks = None
    masks_tokens = False

    def mask(
        self, ids: Ids, lengths: Sequence[int], special: Flags, tokenizer: Tokenizer, rng: np.random.Generator
    ) -> tuple[Ids, Ids]:
        """The ids as they are, and nothing to predict."""
        return ids, np.full_like(ids, IGNORE)
