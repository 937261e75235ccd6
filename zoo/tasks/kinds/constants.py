"""Predictions of one answer for every item, by which chance is measured."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

MOST = 10
"""Answers that are tried as the only one."""


def most_common(gold: Sequence[Any]) -> list[list[Any]]:
    """Each of the most frequent labels for every item."""
    counts = Counter(map(json.dumps, gold))
    return [[json.loads(label)] * len(gold) for label, _ in counts.most_common(MOST)]


def most_common_tags(gold: Sequence[Sequence[Any]]) -> list[list[list[Any]]]:
    """Each of the most frequent tags for every word."""
    counts = Counter(tag for tags in gold for tag in tags)
    return [[[tag] * len(tags) for tags in gold] for tag, _ in counts.most_common(MOST)]
