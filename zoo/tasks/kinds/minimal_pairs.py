"""Two sentences of which a model of the language should find one more probable; Warstadt et al. 2020, section 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from zoo.core.errors import ZooError
from zoo.tasks.kinds.kind import ItemField, text_in
from zoo.tasks.kinds.multiple_choice import MultipleChoice
from zoo.tasks.task import Example

TIE = 1e-5
"""Nats within which two sentences are equally probable: rounding, as of sentences that a tokenizer reads alike."""

GOOD, BAD = "sentence_good", "sentence_bad"
GROUPS = ("field", "linguistics_term", "UID")
"""What a pair tests, from wide to narrow, as BLiMP's files say it."""


class MinimalPairs(MultipleChoice):
    """The choices of an item are an acceptable sentence and one that is not; its label is 0, the first.

    Nothing is trained: a model answers with its own output layer for tokens. A tie counts as wrong.
    """

    by_likelihood = True
    columns: ClassVar[tuple[str, ...]] = ("prediction",)
    options: ClassVar[tuple[str, ...]] = ()
    baselines: ClassVar = {"shorter": "zoo.tasks.choice_baselines:shorter_choice"}

    def __init__(self, labels: Sequence[str], pair: bool = False) -> None:
        super().__init__(labels, pair, n_choices=2)

    def fits(self, value: Any) -> bool:
        """One of two places."""
        return super().fits(value) and value < 2

    @property
    def wanted(self) -> str:
        """A place."""
        return "0, the place of the good sentence, or 1"

    def fields(self) -> tuple[ItemField, ...]:
        """Both sentences, and what they test."""
        sentences = ItemField(GOOD, "an acceptable sentence"), ItemField(BAD, "one that is not")
        return *sentences, *(ItemField(name, "what the pair tests", optional=True) for name in GROUPS)

    def item(self, row: Mapping[str, Any]) -> Example:
        """As TaskKind says."""
        good, bad = (text_in(row, name).strip() for name in (GOOD, BAD))
        if good == bad:
            raise ZooError(f"both sentences are {good!r:.60}; a pair has two that differ")
        return Example("", None, 0, (good, bad), groups=tuple(text_in(row, name) for name in GROUPS if row.get(name)))

    def prefer(self, log_probabilities: Sequence[float]) -> int:
        """The good sentence only if it is the more probable."""
        good, bad = log_probabilities
        return int(good - bad <= TIE)

    def is_constant(self, values: Sequence[Any]) -> bool:
        """Never: to prefer all good sentences is to be right."""
        return False

    def constants(self, gold: Sequence[Any]) -> list[list[Any]]:
        """None: the place of the good sentence says nothing."""
        return []
