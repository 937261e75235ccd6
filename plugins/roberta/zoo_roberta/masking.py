"""New masks each time a sequence is seen; Liu et al. 2019, section 4.1."""

from __future__ import annotations

from zoo.text.masking import TokenMasking


class DynamicMasking(TokenMasking):
    """Every epoch has its own masks."""

    def __init__(
        self,
        rate: float = 0.15,
        mask_share: float = 0.8,
        random_share: float = 0.1,
        max_predictions: int | None = None,
    ) -> None:
        super().__init__(None, rate, mask_share, random_share, max_predictions)
