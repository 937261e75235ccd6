"""One of several classes for a text or a pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.core.errors import UnknownName
from zoo.core.specs import LOSS_FIELDS
from zoo.tasks.kinds.constants import most_common
from zoo.tasks.kinds.kind import EncodedItem, TaskKind, are_probabilities, percent, rounded
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor


NO_CLASS = -1
"""The id that the data sets library gives to items without label."""


class Classification(TaskKind):
    """A label is a class id."""

    head = "zoo.heads:SequenceClassification"
    is_one_class = True
    loss_reads = LOSS_FIELDS
    rewords = True
    baselines: ClassVar = {
        "majority": "zoo.tasks.baselines:majority_class",
        "bag-of-words": "zoo.tasks.baselines:logistic_regression",
    }

    def fits(self, value: Any) -> bool:
        """A whole number below the number of classes."""
        return is_id(value, len(self.labels))

    @property
    def wanted(self) -> str:
        """A class id."""
        return f"a class id below {len(self.labels)}"

    def read(self, cell: str) -> int:
        """The id of a class by its name."""
        return id_of(cell, self.labels)

    def gold(self, value: Any) -> int | None:
        """A class by its name or its id."""
        return class_id(value, self.labels)

    def shown(self, value: Any) -> str:
        """A class by name."""
        return str(self.labels[value])

    def decode(self, item: EncodedItem, logits: Tensor) -> int:
        """[C] to the most probable class."""
        return int(logits.argmax())

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """The most probable class."""
        probability, best = logits.softmax(0).max(0)
        yield self.labels[int(best)], percent(probability)

    def probabilities(self, item: EncodedItem, logits: Tensor) -> list[float]:
        """Of each class. [C]"""
        found: list[float] = rounded(logits.softmax(0))
        return found

    def fits_probabilities(self, prediction: Any, value: Any) -> bool:
        """One per class."""
        return are_probabilities(value, len(self.labels))

    def judged(self, gold: Any, prediction: Any, probabilities: Any) -> Iterator[tuple[float, bool]]:
        """The predicted class."""
        yield probabilities[prediction], prediction == gold

    def side(self, values: Sequence[Any]) -> Any:
        """Class ids. [N]"""
        import numpy as np

        return np.asarray(values, dtype=np.int64)

    def constants(self, gold: Sequence[Any]) -> list[list[Any]]:
        """The most frequent classes, each for every item."""
        return most_common(gold)


def is_id(value: Any, n: int) -> bool:
    """Whether it is a whole number from 0 to below n."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < n


def id_of(name: str, labels: Sequence[str]) -> int:
    """The place of a label. Raises UnknownName."""
    if name not in labels:
        raise UnknownName("label", name[:60], labels)
    return list(labels).index(name)


def class_id(value: Any, labels: Sequence[str]) -> int | None:
    """The id of a class by its name, or from JSON or Parquet also by its id; None for no class, which is -1 there.

    A number is a name where labels are numbers. Raises UnknownName, and ValueError for an id that is too large.
    """
    name = str(value).lower() if isinstance(value, bool) else str(value).strip()
    if isinstance(value, str) or name in labels:
        return id_of(name, labels)
    if value is None or value == NO_CLASS:
        return None
    if not isinstance(value, int) or all(map(str.isdigit, labels)):
        return id_of(name, labels)
    if not is_id(value, len(labels)):
        raise ValueError(f"{value} is not a class id; there are {len(labels)} labels, from 0")
    return value
