"""Accuracies on minimal pairs with intervals, and which of several models is better on the same pairs.

Models are as they are, without seeds, so only pairs are a sample: intervals of accuracies are Wilson's. Differences are
judged by the pairs of which one model alone is right: McNemar's exact test, corrected by Holm over phenomena, and the
interval of the same binomial (Clopper and Pearson 1934) at the level that the correction leaves. So a difference is
significant exactly if its interval excludes 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import sqrt
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo.core.specs import Record
from zoo.experiments.statistics.error import LEVEL
from zoo.experiments.statistics.tests import holm_factors
from zoo.tasks.minimal_pairs import MinimalPair

Right: TypeAlias = NDArray[np.bool_]
"""Whether a model prefers the good sentence of each pair. [N]"""

ALL = "all"
"""All pairs together."""


class Accuracy(Record):
    """The share of a group's pairs whose good sentence a model finds more probable, with its 95% interval."""

    group: str
    n: int
    accuracy: float
    low: float
    high: float


class PairedDifference(Record):
    """The accuracy of the first model minus that of the second, on the same pairs, with its interval at `level`."""

    group: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    only_first: int
    """Pairs that the first alone gets right."""
    only_second: int
    level: float
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
    from scipy.special import ndtri

    n, k = len(right), int(right.sum())
    z = -float(ndtri(LEVEL / 2))
    middle, half = k + z**2 / 2, z * sqrt(k * (n - k) / n + z**2 / 4)
    low, high = (min(max((middle + side) / (n + z**2), 0.0), 1.0) for side in (-half, half))
    return Accuracy(group=name, n=n, accuracy=k / n, low=low, high=high)


def differences(right: Mapping[str, Right], groups: Mapping[str, Right]) -> tuple[PairedDifference, ...]:
    """Of every two models: on all pairs, and on each group, corrected over the groups."""
    return tuple(found for first, second in combinations(right, 2) for found in _between(right, groups, first, second))


def _between(
    right: Mapping[str, Right], groups: Mapping[str, Right], first: str, second: str
) -> Iterator[PairedDifference]:
    one, other = right[first], right[second]
    yield from _decided(first, second, [(ALL, one, other)])
    if len(groups) > 1:
        yield from _decided(first, second, [(name, one[its], other[its]) for name, its in groups.items()])


def _decided(first: str, second: str, found: Sequence[tuple[str, Right, Right]]) -> Iterator[PairedDifference]:
    """Of some groups, with Holm's correction over them."""
    counts = [(int((one & ~other).sum()), int((other & ~one).sum())) for _, one, other in found]
    p_values = [binomial_p(wins, losses) for wins, losses in counts]
    for (group, one, _), (wins, losses), p, factor in zip(found, counts, p_values, holm_factors(p_values), strict=True):
        adjusted, level = min(1.0, factor * p), LEVEL / factor
        low, high = interval(wins, losses, len(one), level)
        yield PairedDifference(
            group=group,
            first=first,
            second=second,
            difference=(wins - losses) / len(one),
            low=low,
            high=high,
            only_first=wins,
            only_second=losses,
            level=level,
            p=p,
            adjusted_p=adjusted,
            verdict="better" if adjusted < LEVEL else "not significant",
        )


def binomial_p(wins: int, losses: int) -> float:
    """Two-sided p of a binomial with equal chances."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))


def interval(wins: int, losses: int, n: int, level: float) -> tuple[float, float]:
    """Of the difference of two accuracies on n pairs, given how many pairs one model alone gets right.

    At least as wide as one such pair could make it.
    """
    from scipy.special import betainccinv, betaincinv

    low = float(betaincinv(wins, losses + 1, level / 2)) if wins else 0.0
    high = float(betainccinv(wins + 1, losses, level / 2)) if losses else 1.0
    share = max(1, wins + losses) / n
    return (2 * low - 1) * share, (2 * high - 1) * share
