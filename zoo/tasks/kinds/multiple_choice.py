"""One of several texts that may follow a text; Devlin et al. 2019, section 4.4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.core.errors import ZooError
from zoo.tasks.kinds.classification import NO_CLASS
from zoo.tasks.kinds.kind import TEXT, EncodedItem, ItemField, TaskKind, percent, text_in
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.core.interfaces import Tokenizer


class MultipleChoice(TaskKind):
    """A label is the place of the right one among an item's choices, each of which makes a sequence with the text."""

    head = "zoo.heads:MultipleChoice"
    columns = ("prediction", "choice", "probability")
    several_texts = True
    baselines: ClassVar = {
        "majority": "zoo.tasks.choice_baselines:majority_place",
        "longest": "zoo.tasks.choice_baselines:longest_choice",
        "bag-of-words": "zoo.tasks.choice_baselines:choice_regression",
    }

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

    def read(self, cell: str) -> int:
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
        label = self.gold(row.get("label"))
        return Example(text_in(row, TEXT.name), choices=tuple(choices), label=None if label == NO_CLASS else label)

    def example(self, texts: Sequence[str], pair: bool) -> Example:
        """A text and its choices."""
        if len(texts) < 3:
            raise ZooError(
                f"has {len(texts)} texts; multiple choice needs a text and at least two choices, tabs between them"
            )
        return Example(texts[0], choices=tuple(texts[1:]))

    def encode(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """A sequence for each choice."""
        from zoo.text.encoding import encode_texts

        made = [
            encode_texts(tokenizer, [(item.first, choice) for choice in item.choices], max_length) for item in examples
        ]
        return [EncodedItem(tuple(encodings)) for encodings, _ in made], sum(n_cut > 0 for _, n_cut in made)

    def decode(self, item: EncodedItem, logits: Tensor) -> int:
        """[its choices] to the most probable."""
        return int(logits.argmax())

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """The most probable choice."""
        probability, best = logits.softmax(0).max(0)
        yield str(int(best)), example.choices[int(best)], percent(probability)

    def side(self, values: Sequence[Any]) -> Any:
        """Places. [N]"""
        import numpy as np

        return np.asarray(values, dtype=np.int64)
