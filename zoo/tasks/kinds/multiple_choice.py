"""One of several texts that may follow a text; Devlin et al. 2019, section 4.4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.core.errors import ZooError
from zoo.tasks.kinds.classification import NO_CLASS
from zoo.tasks.kinds.constants import most_common
from zoo.tasks.kinds.kind import (
    TEXT,
    EncodedItem,
    ItemField,
    TaskKind,
    are_probabilities,
    percent,
    rounded,
    text_in,
)
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.core.interfaces import Tokenizer


class MultipleChoice(TaskKind):
    """A label is the place of the right one among an item's choices, each of which makes a sequence with the text.

    Items may differ in how many choices they have, unless the option `n_choices` says how many all have.
    """

    head = "zoo.heads:MultipleChoice"
    columns: ClassVar[tuple[str, ...]] = ("prediction", "choice", "probability")
    several_texts = True
    answers_lie_in_items = True
    rewords = True
    options: ClassVar[tuple[str, ...]] = ("n_choices",)
    baselines: ClassVar = {
        "majority": "zoo.tasks.choice_baselines:majority_place",
        "longest": "zoo.tasks.choice_baselines:longest_choice",
        "bag-of-words": "zoo.tasks.choice_baselines:choice_regression",
    }

    def __init__(self, labels: Sequence[str], pair: bool = False, n_choices: int | None = None) -> None:
        super().__init__(labels, pair)
        self.n_choices = n_choices

    def problem(self) -> str | None:
        """Choices are the items' own."""
        return "has no labels, as each item has choices of its own" if self.labels else None

    def fits(self, value: Any) -> bool:
        """A place."""
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0

    @property
    def wanted(self) -> str:
        """A place."""
        return "the place of a choice, from 0"

    def fits_item(self, item: Example) -> bool:
        """Among two choices or more."""
        return super().fits_item(item) and 2 <= len(item.choices) > item.label

    def read(self, cell: str) -> Any:
        """A place."""
        if not cell.isdigit():
            raise ValueError(f"the choice {cell!r:.60} is not a place from 0")
        return int(cell)

    def shown(self, value: Any) -> str:
        """A place."""
        return str(value)

    def fields(self) -> tuple[ItemField, ...]:
        """A text, its choices, and which is right."""
        choices = ItemField("choices", "two texts or more", several=True)
        return TEXT, choices, ItemField("label", self.wanted, gold=True)

    def item(self, row: Mapping[str, Any]) -> Example:
        """As TaskKind says; choices are a list."""
        choices = row.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            raise ZooError(f"choices should be a list of texts, and is {choices!r:.60}")
        self._refuse_other_numbers(choices)
        label = self.gold(row.get("label"))
        texts = tuple(choice.strip() for choice in choices)
        return Example(text_in(row, TEXT.name).strip(), choices=texts, label=None if label == NO_CLASS else label)

    def _refuse_other_numbers(self, choices: Sequence[str]) -> None:
        if len(choices) < 2 or self.n_choices not in (None, len(choices)):
            needed = f"every item of this task has {self.n_choices}" if self.n_choices else "two are needed at least"
            raise ZooError(f"has {len(choices)} choice{'s' * (len(choices) != 1)}; {needed}")

    def example(self, texts: Sequence[str], pair: bool) -> Example:
        """A text and its choices."""
        if len(texts) < 3:
            raise ZooError(
                f"has {len(texts)} texts; multiple choice needs a text and at least two choices, tabs between them"
            )
        self._refuse_other_numbers(texts[1:])
        return Example(texts[0], choices=tuple(texts[1:]))

    def encode(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """A sequence for each choice; the text before them is divided into tokens once."""
        from zoo.text.encoding import is_cut

        firsts = tokenizer.encode([item.first for item in examples])
        seconds = iter(tokenizer.encode([choice for item in examples for choice in item.choices]))
        items, n_cut = [], 0
        for item, first in zip(examples, firsts, strict=True):
            its = [next(seconds) for _ in item.choices]
            items.append(EncodedItem(tuple(tokenizer.join(first, second, max_length) for second in its)))
            n_cut += any(is_cut(tokenizer, first, second, max_length) for second in its)
        return items, n_cut

    def decode(self, item: EncodedItem, logits: Tensor) -> int:
        """[its choices] to the most probable."""
        return int(logits.argmax())

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """The most probable choice."""
        probability, best = logits.softmax(0).max(0)
        yield str(int(best)), example.choices[int(best)], percent(probability)

    def probabilities(self, item: EncodedItem, logits: Tensor) -> list[float]:
        """Of each choice. [its choices]"""
        found: list[float] = rounded(logits.softmax(0))
        return found

    def fits_probabilities(self, prediction: Any, value: Any) -> bool:
        """One per choice."""
        return isinstance(value, list) and prediction < len(value) and are_probabilities(value, len(value))

    def judged(self, gold: Any, prediction: Any, probabilities: Any) -> Iterator[tuple[float, bool]]:
        """The predicted choice."""
        yield probabilities[prediction], prediction == gold

    def side(self, values: Sequence[Any]) -> Any:
        """Places. [N]"""
        import numpy as np

        return np.asarray(values, dtype=np.int64)

    def constants(self, gold: Sequence[Any]) -> list[list[Any]]:
        """The most frequent places, each for every item."""
        return most_common(gold)
