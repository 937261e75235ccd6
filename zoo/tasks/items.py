"""Items from the fields of a row, and what every split of items must be."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
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


def refuse_outside(score: Any, limits: tuple[float, float] | None) -> None:
    """Raises ZooError if a score is not within limits, where there are any."""
    if limits and not (isinstance(score, int | float) and limits[0] <= score <= limits[1]):
        raise ZooError(f"the score {score!s:.60} is not a number from {limits[0]:g} to {limits[1]:g}")


def share_of(items: Sequence[Example], share: float) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """The items without a share of the labelled ones, and that share: by a hash of their texts, whatever the order.

    Items of equal texts stay together, so that none is on both sides.
    """
    keys = [hashlib.sha256(json.dumps(item.texts).encode()).digest() for item in items]
    most = round(share * sum(item.label is not None for item in items))
    held: set[bytes] = set()
    n_held = 0
    for key, n in sorted(Counter(key for key, item in zip(keys, items, strict=True) if item.label is not None).items()):
        if n_held >= most:
            break
        held.add(key)
        n_held += n
    sides = [(key in held and item.label is not None, item) for key, item in zip(keys, items, strict=True)]
    return tuple(item for away, item in sides if not away), tuple(item for away, item in sides if away)


def refuse_one_label(task: Task, path: Path, items: Sequence[Example]) -> None:
    """Raises ZooError, naming the file, if all training items have the same label or score."""
    kind, labels = task_kind(task), labels_of(items)
    if labels and not kind.answers_lie_in_items and kind.is_constant([kind.to_json(label) for label in labels]):
        what = "label" if task.labels else "score"
        which = f"all {len(labels)} items have the same" if len(labels) > 1 else "its only item has one"
        raise ZooError(f"{path}: {which} {what}; nothing can be learned from it")


def _short(label: Any) -> str:
    return "missing" if label is None else f"{label!s:.60}"
