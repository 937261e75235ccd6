"""Any of several answers to a question may be right; Khashabi et al. 2018, NAACL (MultiRC)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.core.errors import ZooError
from zoo.tasks.kinds.classification import is_id
from zoo.tasks.kinds.kind import TEXT, EncodedItem, ItemField, are_probabilities, judged_each, percent, rounded, text_in
from zoo.tasks.kinds.multiple_choice import MultipleChoice
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.core.batch import Batch

SEPARATOR = ","


class MultipleAnswers(MultipleChoice):
    """A label is the list of the places of the right answers, each judged by itself in a sequence with the text.

    An item is a question with its text and all its answers, which may be one or many, and none or all right.
    """

    head = "zoo.heads:MultipleAnswers"
    columns = ("prediction", "probability")
    answers_lie_in_items = True
    options = ()
    baselines: ClassVar = {
        "majority": "zoo.tasks.choice_baselines:majority_answer",
        "bag-of-words": "zoo.tasks.choice_baselines:answer_regression",
    }

    def fits(self, value: Any) -> bool:
        """A list of places in order, each once."""
        return isinstance(value, list) and all(is_id(part, 1 << 31) for part in value) and value == sorted(set(value))

    @property
    def wanted(self) -> str:
        """A list of places."""
        return "a list of the places of right answers, from 0, in order"

    def fits_item(self, item: Example) -> bool:
        """Among its own answers."""
        return item.label is not None and self.fits([*item.label]) and all(at < len(item.choices) for at in item.label)

    def read(self, cell: str) -> tuple[int, ...]:
        """Places with commas between them, or nothing."""
        parts = [part.strip() for part in cell.split(SEPARATOR)] if cell.strip() else []
        if not all(part.isdecimal() for part in parts):
            raise ValueError(f"the answers {cell!r:.60} are not places from 0, commas between them")
        return tuple(sorted(map(int, parts)))

    def shown(self, value: Any) -> str:
        """Places with commas between them."""
        return SEPARATOR.join(map(str, value))

    def fields(self) -> tuple[ItemField, ...]:
        """A text, its answers, and which are right."""
        choices = ItemField("choices", "one text or more", several=True)
        return TEXT, choices, ItemField("label", self.wanted, gold=True)

    def item(self, row: Mapping[str, Any]) -> Example:
        """As TaskKind says; choices are a list."""
        choices = row.get("choices")
        if not isinstance(choices, list) or not choices or not all(isinstance(choice, str) for choice in choices):
            raise ZooError(f"choices should be a list of texts, and is {choices!r:.60}")
        return Example(text_in(row, TEXT.name), choices=tuple(choices), label=self.gold(row.get("label")))

    def example(self, texts: Sequence[str], pair: bool) -> Example:
        """A text and its answers."""
        if len(texts) < 2:
            raise ZooError(f"has {len(texts)} texts; a text and at least one answer are needed, tabs between them")
        return Example(texts[0], choices=tuple(texts[1:]))

    def batch(self, items: Sequence[EncodedItem], labels: Sequence[Any] | None = None) -> Batch:
        """As TaskKind says; each answer's sequence has its own target, 1 if it is right and 0 if not."""
        from zoo.heads import LABEL
        from zoo.text.collate import collate

        owners = [(index, place) for index, item in enumerate(items) for place in range(len(item.encodings))]
        targets = None if labels is None else {LABEL: [int(place in labels[index]) for index, place in owners]}
        sequences = [items[index].encodings[place] for index, place in owners]
        return collate(sequences, targets, items=[index for index, _ in owners])

    def decode(self, item: EncodedItem, logits: Tensor) -> Any:
        """[its answers] to the places of those that are more probably right than not."""
        return (logits > 0).nonzero().flatten().tolist()

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """The right answers, and how probable each is."""
        places = self.decode(item, logits)
        yield self.shown(places), SEPARATOR.join(percent(logits[place].sigmoid()) for place in places)

    def probabilities(self, item: EncodedItem, logits: Tensor) -> list[float]:
        """Of each answer to be right. [its answers]"""
        found: list[float] = rounded(logits.sigmoid())
        return found

    def fits_probabilities(self, prediction: Any, value: Any) -> bool:
        """One per answer."""
        fit = isinstance(value, list) and all(place < len(value) for place in prediction)
        return fit and are_probabilities(value, len(value), of_one=False)

    def judged(self, gold: Any, prediction: Any, probabilities: Any) -> Iterator[tuple[float, bool]]:
        """Each answer, to be right or not."""
        yield from judged_each(gold, prediction, probabilities)

    def side(self, values: Sequence[Any]) -> list[frozenset[int]]:
        """The places of each item."""
        return [frozenset(places) for places in values]
