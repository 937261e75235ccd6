"""Masks drawn once, in advance, or none; Devlin et al. 2019, appendix A.2, and Liu et al. 2019, section 4.1."""

from __future__ import annotations

from zoo.text.masking import TokenMasking
from zoo.text.word_masking import WordMasking


class StaticMasking(TokenMasking):
    """The corpus is packed and masked `dupe_factor` times before training, and these copies are read in turn."""

    def __init__(
        self,
        dupe_factor: int = 10,
        rate: float = 0.15,
        mask_share: float = 0.8,
        random_share: float = 0.1,
        max_predictions: int | None = None,
    ) -> None:
        super().__init__(dupe_factor, rate, mask_share, random_share, max_predictions)


class WholeWordMasking(WordMasking):
    """Whole words, masked `dupe_factor` times in advance, or again every epoch if that is null.

    google-research/bert, README ("Whole Word Masking").
    """

    def __init__(
        self,
        dupe_factor: int | None = 10,
        rate: float = 0.15,
        mask_share: float = 0.8,
        random_share: float = 0.1,
        max_predictions: int | None = None,
    ) -> None:
        super().__init__(dupe_factor, 1, rate, mask_share, random_share, max_predictions)
