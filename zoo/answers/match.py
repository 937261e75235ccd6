"""Predictions matched with gold labels: by id where both have one, by index, or by order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.answers.columns import id_column
from zoo.answers.forms import RowFile
from zoo.core.errors import ZooError
from zoo.tasks.kinds import TaskKind
from zoo.tasks.task import spelled

BY_ID, BY_INDEX, BY_ORDER = "by id", "by index", "by order"


@dataclass(frozen=True)
class Item:
    """A prediction or a gold label as its file has it, its place as file:line, and the item's id if it is given."""

    where: str
    id: str | None
    value: Any


@dataclass(frozen=True)
class Items:
    """Those of one file."""

    name: str
    items: Sequence[Item]

    def __len__(self) -> int:
        return len(self.items)

    def by_id(self) -> dict[str, Item]:
        """By id; empty if there are none. Raises ZooError for an id given twice."""
        found: dict[str, Item] = {}
        for item in self.items:
            if item.id is not None and (before := found.setdefault(item.id, item)) is not item:
                raise ZooError(f"{item.where}: item {item.id!r:.60} is given twice, first at {before.where}")
        return found


def items_of(file: RowFile, column: str, ids: str | None) -> Items:
    """A column of a file, with the items' ids. Raises ZooError for a row without a value or an id."""
    asked = id_column(file.name, file.columns, ids, [str(row.values.get("1")) for row in file.rows])
    found = []
    for row in file.rows:
        for name in (column, asked):
            if name is not None and row.values.get(name) is None:
                raise ZooError(f"{row.where}: has no {name}")
        found.append(Item(row.where, None if asked is None else str(row.values[asked]), row.values[column]))
    return Items(file.name, found)


def matched(gold: Items, made: Items) -> tuple[list[Item], str]:
    """The predictions in the order of the gold labels, and how they were matched.

    Raises ZooError with file and line for an item that is missing, given twice or not among the gold labels.
    """
    known, found = gold.by_id(), made.by_id()
    if known and found and not {*known}.isdisjoint(found):
        return _by_id(gold, made, known, found), BY_ID
    start = _first_index(found)
    if start is not None and {*found} == {str(start + place) for place in range(len(gold))}:
        return [found[str(start + place)] for place in range(len(gold))], BY_INDEX
    if known and found:
        return _by_id(gold, made, known, found), BY_ID
    if len(gold) != len(made):
        header = "; is its first line a header?" if len(made) == len(gold) + 1 else ""
        raise ZooError(f"{made.name}: has {len(made):,} predictions for the {len(gold):,} items of {gold.name}{header}")
    return list(made.items), BY_ORDER


def _first_index(found: dict[str, Item]) -> int | None:
    """Where ids that are indices begin, at 0 or 1."""
    return next((start for start in (0, 1) if str(start) in found and all(map(str.isdecimal, found))), None)


def _by_id(gold: Items, made: Items, known: dict[str, Item], found: dict[str, Item]) -> list[Item]:
    missing = [item for name, item in known.items() if name not in found]
    if missing:
        more = f", nor for {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise ZooError(f"{made.name}: has no prediction for item {missing[0].id!r:.60} ({missing[0].where}){more}")
    for name, item in found.items():
        if name not in known:
            raise ZooError(f"{item.where}: item {name!r:.60} is not among the {len(gold):,} of {gold.name}")
    return [found[name] for name in known]


class Values:
    """Values of files as a kind of task has them; `words` are all words for each label, its own first."""

    def __init__(self, kind: TaskKind, words: Sequence[Sequence[str]] = ()) -> None:
        self.kind = kind
        self._labels = {label: label for label in kind.labels}
        others = {spelled(word): names[0] for names in words for word in names}
        self._others = others if kind.is_one_class else {}
        self.by_place = False
        """Whether numbers were read as places of labels, which are words."""

    def of(self, item: Item, *, gold: bool = False) -> Any:
        """An item's value. Raises ZooError with its place if it cannot be one."""
        try:
            value = self.kind.foreign(self._label(item.value), gold=gold)
        except (ZooError, ValueError) as error:
            raise ZooError(f"{item.where}: {error}{self._hint(item.value)}") from None
        if not self.kind.fits(value):
            raise ZooError(f"{item.where}: is {item.value!r:.60}, and should be {self.kind.wanted}")
        return value

    def _label(self, value: Any) -> Any:
        """A label's own word for another one, and a whole number for one that a table writes with a fraction."""
        if not self.kind.is_one_class or isinstance(value, list | dict | bool):
            return value
        text = str(value).strip()
        whole = text.removesuffix(".0")
        for known in (text, whole):
            if known in self._labels:
                return known
        if (other := self._others.get(spelled(text))) is not None:
            return other
        if whole.isdecimal() and int(whole) < len(self._labels):
            self.by_place = True
            return int(whole)
        return text

    def _hint(self, value: Any) -> str:
        try:
            float(value)
        except (TypeError, ValueError):
            return " (labels that no gold label shows are named with --labels)" if self.kind.is_one_class else ""
        return " (if these are scores, give labels instead, or --kind regression)" if self.kind.is_one_class else ""


def checked(kind: TaskKind, gold: Sequence[Any], values: Sequence[Any], items: Sequence[Item]) -> list[Any]:
    """Predictions that fit the items. Raises ZooError with the place of the first that doesn't."""
    for label, value, item in zip(gold, values, items, strict=True):
        if problem := kind.mismatch(label, value):
            raise ZooError(f"{item.where}: {problem}")
    return list(values)
