"""How fine-tuning changes its training items, as a record. No torch here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from zoo.core.record import Record, Share

SomeWords = Annotated[float, Field(ge=0.0, lt=1.0)]
"""A share of an item's words, rounded, and at least one word; 0 switches a way off."""

TEXT_WAYS = ("synonyms", "duplicated_words", "swapped_words", "deleted_words")
"""The ways that change a text before it is divided into tokens."""

TOKEN_WAYS = ("masked_words", "cut_out")
"""The ways that hide tokens behind the tokenizer's mask."""


class Augmentation(Record):
    """How training items are changed anew in each epoch, each way by a field of its own; off by default.

    Labels stay as they are. An item that is changed is changed in one of the ways given, drawn for the item and the
    epoch.
    """

    masked_words: SomeWords = 0.0
    """Words hidden behind the tokenizer's mask."""
    cut_out: SomeWords = 0.0
    """One run of neighbouring words hidden so; Shen et al. 2020, arXiv:2009.13818, section 3, with masks for zeros."""
    duplicated_words: SomeWords = 0.0
    """Words that stand twice."""
    swapped_words: SomeWords = 0.0
    """Times that two words change places; Wei and Zou 2019, arXiv:1901.11196, section 2."""
    deleted_words: SomeWords = 0.0
    """Words left out, but never the last one; Wei and Zou 2019, section 2."""
    synonyms: SomeWords = 0.0
    """Words replaced by others of their line in `synonym_file`; Wei and Zou 2019, section 2, who ask WordNet."""
    synonym_file: str | None = None
    augmented: Share = 0.5
    """The share of items that are changed in an epoch."""
    mixup: Annotated[float, Field(ge=0.0, le=100.0)] = 0.0
    """Mix the pooled vectors of pairs of a batch, and their losses, by a share drawn from Beta(mixup, mixup); Zhang et
    al. 2018, arXiv:1710.09412, and for sentences Guo et al. 2019, arXiv:1905.08941."""

    @property
    def ways(self) -> tuple[str, ...]:
        """The fields by which items are changed one by one."""
        return tuple(name for name in (*TEXT_WAYS, *TOKEN_WAYS) if getattr(self, name))
