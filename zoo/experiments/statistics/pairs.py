"""Accuracies on minimal pairs with intervals, and which of several models is better on the same pairs.

Models are as they are, without seeds, so only pairs are a sample: intervals are Wilson's, and differences are judged by
McNemar's exact test on the pairs of which one model alone is right, corrected by Holm over phenomena.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zoo.core.specs import Record
from zoo.experiments.statistics.error import LEVEL
from zoo.experiments.statistics.tests import holm
from zoo.tasks.minimal_pairs import MinimalPair

Right: TypeAlias = NDArray[np.bool_]
"""Whether a model prefers the good sentence of each pair. [N]"""

ALL = "all"
"""All pairs together."""

N_DRAWS = 10_000


class Accuracy(Record):
    """The share of a group's pairs whose good sentence a model finds more probable, with its 95% interval."""

    group: str
    n: int
    accuracy: float
    low: float
    high: float


class PairedDifference(Record):
    """The accuracy of the first model minus that of the second, on the same pairs; 95% interval over pairs."""

    group: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    only_first: int
    """Pairs that the first alone gets right."""
    only_second: int
    p: float
    adjusted_p: float
    verdict: Literal["better", "not significant"] = "not significant"


def groups_of(pairs: Sequence[MinimalPair], by: Literal["phenomenon", "term", "field"]) -> dict[str, Right]:
    """Which pairs belong to each phenomenon, term or field, in order of appearance. [N]"""
    names = np.array([getattr(pair, by) for pair in pairs], dtype=object)
    return {name: names == name for name in dict.fromkeys(names.tolist()) if name}


def accuracies(right: Right, groups: Mapping[str, Right]) -> tuple[Accuracy, ...]:
    """One per group."""
    return tuple(accuracy(name, right[members]) for name, members in groups.items())


def accuracy(name: str, right: Right) -> Accuracy:
    """Of some pairs, with Wilson's interval (1927)."""
    n, k = len(right), int(right.sum())
    interval = stats.binomtest(k, n).proportion_ci(1 - LEVEL, method="wilson")
    return Accuracy(group=name, n=n, accuracy=k / n, low=float(interval.low), high=float(interval.high))


def differences(right: Mapping[str, Right], groups: Mapping[str, Right]) -> tuple[PairedDifference, ...]:
    """Of every two models: on all pairs, and on each group, corrected over the groups."""
    return tuple(found for first, second in combinations(right, 2) for found in _between(right, groups, first, second))


def _between(
    right: Mapping[str, Right], groups: Mapping[str, Right], first: str, second: str
) -> Iterator[PairedDifference]:
    one, other = right[first], right[second]
    yield from _decided([_difference(ALL, first, second, one, other)])
    if len(groups) > 1:
        yield from _decided([_difference(name, first, second, one[its], other[its]) for name, its in groups.items()])


def _difference(group: str, first: str, second: str, one: Right, other: Right) -> PairedDifference:
    n, wins, losses = len(one), int((one & ~other).sum()), int((other & ~one).sum())
    low, high = _interval(wins, losses, n)
    p = float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    return PairedDifference(
        group=group,
        first=first,
        second=second,
        difference=(wins - losses) / n,
        low=low,
        high=high,
        only_first=wins,
        only_second=losses,
        p=p,
        adjusted_p=p,
    )


def _interval(wins: int, losses: int, n: int) -> tuple[float, float]:
    """The percentile bootstrap over pairs; of pairs only the counts matter."""
    shares = [wins / n, losses / n, 1 - (wins + losses) / n]
    drawn = np.random.default_rng(0).multinomial(n, shares, size=N_DRAWS)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [LEVEL / 2, 1 - LEVEL / 2]).tolist()
    return low, high


def _decided(drafts: Sequence[PairedDifference]) -> Iterator[PairedDifference]:
    for draft, p in zip(drafts, holm([draft.p for draft in drafts]), strict=True):
        verdict = "better" if p < LEVEL else "not significant"
        yield draft.model_copy(update={"adjusted_p": p, "verdict": verdict})
