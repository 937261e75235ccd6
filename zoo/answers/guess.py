"""What a task asks for, told by its gold labels where nobody says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from zoo.core.errors import UnknownName, ZooError, listed
from zoo.tasks.kinds import BUILT_IN
from zoo.tasks.metrics import metrics_of
from zoo.tasks.tagging import OUTSIDE, marks_entities

MOST_CLASSES = 100
"""Different labels of a task of classes; of more, texts are taken as answers."""


@dataclass(frozen=True)
class Asked:
    """A kind of task with the labels that it has here."""

    kind: str
    labels: tuple[str, ...] = ()
    pair: bool = False
    options: dict[str, JsonValue] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", self.options or {})


def guessed(
    gold: Sequence[Any], made: Iterable[Any], *, kind: str | None, metrics: Sequence[str], labels: Sequence[str]
) -> Asked:
    """The kind, the one that is named or the one that fits gold labels and metrics, and its labels if none are given.

    Raises UnknownName for an unknown kind or metric.
    """
    name = kind or _kind(gold, metrics)
    if name not in BUILT_IN:
        raise UnknownName("task kind", name, BUILT_IN)
    if name == "question-answering":
        return Asked(name, pair=True, options={"no_answer": True} if any(not _texts(v) for v in gold) else {})
    if name in ("regression", "multiple-choice", "multiple-answers"):
        return Asked(name)
    if labels:
        return Asked(name, tuple(labels))
    if name == "token-classification":
        tags = {tag for value in (*gold, *made) for tag in _tags(value)}
        return Asked(name, tuple(sorted(tags, key=lambda tag: (tag != OUTSIDE, tag[2:], tag))))
    if name == "multi-label":
        return Asked(name, tuple(sorted({label for value in gold for label in _several(value)})))
    return Asked(name, tuple(in_order({word(value) for value in gold})))


def in_order(labels: set[str]) -> list[str]:
    """Labels in order: numbers by value, words by the alphabet."""
    numbers = all(label.lstrip("-").isdecimal() for label in labels)
    return sorted(labels, key=lambda label: (int(label) if numbers else 0, label))


def word(value: Any) -> str:
    """A label as a word: whole numbers without a fraction, as tables of numbers write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdecimal() else text


def _kind(gold: Sequence[Any], metrics: Sequence[str]) -> str:
    """The kind that gold labels look like, if it has these metrics; else the first that has them."""
    found = _looks_like(gold)
    of_kinds = {kind: metrics_of(kind) for kind in BUILT_IN}
    fitting = [kind for kind in of_kinds if {*metrics} <= {*of_kinds[kind]}]
    if not fitting:
        known = {name for its in of_kinds.values() for name in its}
        for name in metrics:
            if name not in known:
                raise UnknownName("metric", name, known)
        raise ZooError(f"no kind of task has the metrics {listed(metrics)} together; give --kind")
    return found if found in fitting else fitting[0]


def _looks_like(gold: Sequence[Any]) -> str:
    if any(isinstance(value, dict) for value in gold):
        return "question-answering"
    if any(isinstance(value, list) for value in gold) or any(" " in str(v) and marks_entities(_tags(v)) for v in gold):
        tags = [tag for value in gold for tag in _tags(value)]
        return "token-classification" if tags and marks_entities(tags) else "multi-label"
    words = {word(value) for value in gold}
    numbers = all(map(is_number, words))
    if numbers and not all(text.lstrip("-").isdecimal() for text in words):
        return "regression"
    few = len(words) <= max(2, min(MOST_CLASSES, len(gold) // 2))
    return "classification" if few else "regression" if numbers else "question-answering"


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _tags(value: Any) -> list[str]:
    return [str(tag) for tag in value] if isinstance(value, list) else str(value).split()


def _several(value: Any) -> list[str]:
    return [word(part) for part in (value if isinstance(value, list) else str(value).split(","))]


def _texts(value: Any) -> list[Any]:
    found = value.get("text") if isinstance(value, dict) else value
    return [text for text in (found if isinstance(found, list) else [found]) if text]
