"""Metrics of tags: sides are, for each text, the tags of its words by name.

Entities are those of seqeval, by its default rules (zoo.tasks.tagging) or strictly. Sums are over texts, so a draw of
texts is a sum of their counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from zoo.tasks.metrics.classification import macro_f1
from zoo.tasks.metrics.metric import Array, Metric, Side, f1_of, of_counts, ratio, share
from zoo.tasks.tagging import TAG, Entity, entities, split_tag, strict_entities

KIND = "token-classification"

FoundEntities: TypeAlias = list[set[Entity]]
"""The entities of each text."""


def _both(gold: Side, made: Side, strict: bool) -> tuple[FoundEntities, FoundEntities]:
    """Those of gold tags and predictions; strictly, by the scheme that their letters tell, as seqeval does."""
    if not strict:
        return [{*entities(tags)} for tags in gold], [{*entities(tags)} for tags in made]
    ends = any(split_tag(tag)[0] in "ES" for side in (gold, made) for tags in side for tag in tags)
    first, second = ([{*strict_entities(tags, marks_ends=ends)} for tags in side] for side in (gold, made))
    return first, second


def _pooled(strict: bool) -> Callable[[Side, Side], Array]:
    """Hits, predicted and gold entities of each text. [N, 3]"""

    def counts(gold: Side, made: Side) -> Array:
        rows = [
            [len(its & theirs), len(its), len(theirs)] for theirs, its in zip(*_both(gold, made, strict), strict=True)
        ]
        return np.array(rows, dtype=np.float64)

    return counts


def _by_type(gold: Side, made: Side) -> Array:
    """The same of each type that occurs. [N, C * 3]"""
    both = _both(gold, made, False)
    return np.concatenate([counts for counts in type_counts(*both).values()] or [np.zeros((len(gold), 3))], axis=1)


def type_counts(gold: FoundEntities, made: FoundEntities) -> dict[str, Array]:
    """Hits, predicted and gold entities of each text, by type. [N, 3] each"""
    types = sorted({entity[0] for side in (gold, made) for text in side for entity in text})
    rows = {kind: np.zeros((len(gold), 3)) for kind in types}
    for place, (theirs, its) in enumerate(zip(gold, made, strict=True)):
        for column, chosen in enumerate((its & theirs, its, theirs)):
            for kind, _, _ in chosen:
                rows[kind][place, column] += 1
    return rows


def scores_by_type(gold: Side, made: Side) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each type of entity by the default rules, and the number of gold entities."""
    values = {"precision": _precision, "recall": _recall, "f1": f1_of}
    sums = {kind: counts.sum(axis=0) for kind, counts in type_counts(*_both(gold, made, False)).items()}
    return {
        kind: {name: float(value(counts)) for name, value in values.items()} | {"gold": float(counts[2])}
        for kind, counts in sums.items()
    }


def _word_counts(gold: Side, made: Side) -> Array:
    pairs = zip(gold, made, strict=True)
    counts = [[sum(map(str.__eq__, its, theirs)), len(theirs)] for theirs, its in pairs]
    return np.array(counts, dtype=np.float64)


def _tag_counts(gold: Side, made: Side) -> Array:
    """Hits, predictions and gold tags of each tag that occurs. [N, C * 3]"""
    names = sorted({tag for side in (gold, made) for tags in side for tag in tags})
    counts = np.zeros((len(gold), len(names), 3))
    for row, (theirs, its) in enumerate(zip(gold, made, strict=True)):
        met = Counter(tag for tag, other in zip(its, theirs, strict=True) if tag == other)
        for column, found in enumerate((met, Counter(its), Counter(theirs))):
            counts[row, :, column] = [found[name] for name in names]
    return counts.reshape(len(gold), -1)


def _precision(counts: Array) -> Array:
    return ratio(counts[..., 0], counts[..., 1])


def _recall(counts: Array) -> Array:
    return ratio(counts[..., 0], counts[..., 2])


def _marks_entities(labels: Sequence[str]) -> str | None:
    unfit = [label for label in labels if not TAG.fullmatch(label)]
    return f"needs tags such as O, B-PER and I-PER, and {unfit[0]!r} is none" if unfit else None


def _of_entities(prefix: str, strict: bool) -> Iterator[Metric]:
    for name, value in (("f1", f1_of), ("precision", _precision), ("recall", _recall)):
        yield of_counts(f"{prefix}-{name}", KIND, _pooled(strict), value, problem=_marks_entities)


METRICS = (
    *_of_entities("entity", False),
    *_of_entities("strict-entity", True),
    of_counts("entity-macro-f1", KIND, _by_type, macro_f1, problem=_marks_entities),
    of_counts("accuracy", KIND, _word_counts, share),
    of_counts("macro-f1", KIND, _tag_counts, macro_f1),
)
