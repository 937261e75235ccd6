"""Any of several labels for a text or a pair, none and all included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.tasks.kinds.classification import class_id, id_of, is_id
from zoo.tasks.kinds.constants import most_common
from zoo.tasks.kinds.kind import EncodedItem, TaskKind, are_probabilities, judged_each, percent, rounded
from zoo.tasks.task import Example

if TYPE_CHECKING:
    from torch import Tensor

SEPARATOR = ","


class MultiLabel(TaskKind):
    """A label is the list of the ids of all labels that hold, in order."""

    head = "zoo.heads:MultiLabelClassification"
    loss_reads = frozenset({"mixup"})
    rewords = True
    baselines: ClassVar = {
        "majority": "zoo.tasks.baselines:majority_set",
        "bag-of-words": "zoo.tasks.baselines:one_regression_per_label",
    }

    def problem(self) -> str | None:
        """A label's name must not look like two."""
        unfit = [label for label in self.labels if SEPARATOR in label]
        return f"has a label with a comma, {unfit[0]!r}" if unfit else super().problem()

    def fits(self, value: Any) -> bool:
        """A list of ids in order, each once."""
        return (
            isinstance(value, list)
            and all(is_id(part, len(self.labels)) for part in value)
            and value == sorted(set(value))
        )

    @property
    def wanted(self) -> str:
        """A list of ids."""
        return f"a list of label ids below {len(self.labels)}, in order, each once"

    def read(self, cell: str) -> tuple[int, ...]:
        """Names with commas between them, or nothing."""
        return tuple(sorted({id_of(name, self.labels) for name in _split(cell)}))

    def gold(self, value: Any) -> tuple[int, ...] | None:
        """A list of names or ids, or names with commas between them."""
        if not isinstance(value, list):
            return self.read(value) if isinstance(value, str) else value
        found = {class_id(part, self.labels) for part in value}
        return tuple(sorted(index for index in found if index is not None))

    def labels_in(self, value: Any) -> list[str]:
        """As TaskKind says."""
        return _split(value) if isinstance(value, str) else super().labels_in(value)

    def shown(self, value: Any) -> str:
        """Names with commas between them."""
        return SEPARATOR.join(self.labels[index] for index in value)

    def target(self, item: EncodedItem, label: Any) -> list[int]:
        """One for each label that holds, else zero. [C]"""
        return [int(index in label) for index in range(len(self.labels))]

    def decode(self, item: EncodedItem, logits: Tensor) -> list[int]:
        """[C] to the ids of the labels that are more probable than not."""
        ids: list[int] = (logits > 0).nonzero().flatten().tolist()
        return ids

    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """The labels that are more probable than not."""
        found = [(self.labels[index], percent(logits[index].sigmoid())) for index in self.decode(item, logits)]
        yield SEPARATOR.join(name for name, _ in found), SEPARATOR.join(probability for _, probability in found)

    def probabilities(self, item: EncodedItem, logits: Tensor) -> list[float]:
        """Of each label to hold. [C]"""
        found: list[float] = rounded(logits.sigmoid())
        return found

    def fits_probabilities(self, prediction: Any, value: Any) -> bool:
        """One per label."""
        return are_probabilities(value, len(self.labels), of_one=False)

    def judged(self, gold: Any, prediction: Any, probabilities: Any) -> Iterator[tuple[float, bool]]:
        """Each label, to hold or not."""
        yield from judged_each(gold, prediction, probabilities)

    def side(self, values: Sequence[Any]) -> Any:
        """Ones where a label holds. [N, C]"""
        import numpy as np

        made = np.zeros((len(values), len(self.labels)), dtype=np.int64)
        for row, ids in zip(made, values, strict=True):
            row[list(ids)] = 1
        return made

    def constants(self, gold: Sequence[Any]) -> list[list[Any]]:
        """The most frequent sets of labels, each for every item."""
        return most_common(gold)


def _split(cell: str) -> list[str]:
    return [name.strip() for name in cell.split(SEPARATOR)] if cell else []
