"""Items from the fields of a row, and what every split of items must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.core.errors import ZooError
from zoo.tasks.kinds import TaskKind, task_kind
from zoo.tasks.task import Example, Task, labels_of


def item_of(kind: TaskKind, row: Mapping[str, Any], scored: bool) -> Example:
    """An item from its fields. Raises ZooError if its label is unfit, or missing where it is to be scored."""
    item = kind.item(row)
    if (item.label is not None or scored) and not kind.fits_item(item):
        raise ZooError(f"the label is {_short(item.label)}, and should be {kind.wanted}, as fits its text")
    return item


def refuse_one_label(task: Task, path: Path, items: Sequence[Example]) -> None:
    """Raises ZooError, naming the file, if all training items have the same label."""
    kind, labels = task_kind(task), labels_of(items)
    if task.labels and len(labels) > 1 and kind.is_constant([kind.to_json(label) for label in labels]):
        raise ZooError(f"{path}: all {len(labels)} items have the same label; nothing can be learnt from it")


def _short(label: Any) -> str:
    return "missing" if label is None else f"{label!s:.60}"
