"""Masks of neighbouring words; Lan et al. 2020, section 4.1, after Joshi et al. 2020, arXiv:1907.10529."""

from __future__ import annotations

from zoo.text.word_masking import WordMasking


class NGramMasking(WordMasking):
    """Runs of 1 to `max_n` words, masked `dupe_factor` times in advance, or again every epoch if that is null."""

    def __init__(
        self,
        max_n: int = 3,
        dupe_factor: int | None = 40,
        rate: float = 0.15,
        mask_share: float = 0.8,
        random_share: float = 0.1,
        max_predictions: int | None = None,
    ) -> None:
        super().__init__(dupe_factor, max_n, rate, mask_share, random_share, max_predictions)
