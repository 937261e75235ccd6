"""Metrics of tags: sides are, for each text, the tags of its words by name.

Entities are found as the default rules of seqeval (and conlleval before it) find them: an entity goes on as long as the
type stays and no tag begins or ends one. Sums are over texts, so a draw of texts is a sum of their counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from zoo.tasks.metrics.classification import macro_f1
from zoo.tasks.metrics.metric import Array, Side, f1_of, of_counts, ratio, share

KIND = "token-classification"
_SCHEME = re.compile(r"O|[BIES]-.+")


def entities(tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Type, first and last word of every entity in a text."""
    begun: tuple[str, int] | None = None
    before = ""
    for place, tag in enumerate((*tags, "O")):
        prefix, _, kind = tag.partition("-")
        goes_on = begun and kind == begun[0] and prefix in ("I", "E") and before not in ("E", "S")
        if begun and not goes_on:
            yield begun[0], begun[1], place - 1
            begun = None
        if not goes_on and prefix != "O":
            begun = kind, place
        before = prefix


def _entity_counts(gold: Side, made: Side) -> Array:
    """Hits, predicted and gold entities of each text. [N, 3]"""
    found = [({*entities(its)}, {*entities(theirs)}) for theirs, its in zip(gold, made, strict=True)]
    counts = [[len(ours & theirs), len(ours), len(theirs)] for ours, theirs in found]
    return np.array(counts, dtype=np.float64)


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
    unfit = [label for label in labels if not _SCHEME.fullmatch(label)]
    return f"needs tags such as O, B-PER and I-PER, and {unfit[0]!r} is none" if unfit else None


METRICS = (
    of_counts("entity-f1", KIND, _entity_counts, f1_of, problem=_marks_entities),
    of_counts("entity-precision", KIND, _entity_counts, _precision, problem=_marks_entities),
    of_counts("entity-recall", KIND, _entity_counts, _recall, problem=_marks_entities),
    of_counts("accuracy", KIND, _word_counts, share),
    of_counts("macro-f1", KIND, _tag_counts, macro_f1),
)
