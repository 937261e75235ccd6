"""Sentences and marks on runs that have learned nothing."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.experiments.statistics.tests import Spread
from zoo.experiments.statistics.verdicts import Comparisons

MOST_NAMED = 4
"""Systems on a task that the answer names."""

REMEDY = "Where some seeds learn, more steps or a longer warm-up may let the others (Mosbach et al. 2021)"


MARK = "†"
"""In a cell: some of its runs are at chance."""


def mark(spread: Spread) -> str:
    """The mark where it applies, after a space."""
    return f" {MARK}" if spread.at_chance else ""


def notes(comparisons: Comparisons) -> Iterator[str]:
    """Which runs are at chance, by task, and what may help."""
    found = {task: [*_told(of)] for task, of in comparisons.spreads.items()}
    yield from (f"{MARK} At chance on {task}: {', '.join(its)}." for task, its in found.items() if its)
    if any(found.values()):
        yield (
            "At chance: a run's score is not significantly above that of the best one answer for every item (one-sided "
            "at 5%, over items)."
        )
    if any(_differ(comparisons)):
        yield f"{REMEDY}."


def differing(comparisons: Comparisons) -> Iterator[str]:
    """That not every seed has learned, which makes spreads large; nothing if all or none have."""
    found = [*_differ(comparisons)]
    if found:
        listed = "; ".join(found[:MOST_NAMED])
        more = f"; {len(found) - MOST_NAMED} more in Scores" if len(found) > MOST_NAMED else ""
        yield f"Not every seed learns, so means depend on how many do. At chance: {listed}{more}. {REMEDY}."


def _differ(comparisons: Comparisons) -> Iterator[str]:
    for task, by_system in comparisons.spreads.items():
        for name, spread in by_system.items():
            if spread.at_chance and spread.mean_above_chance is not None:
                rest = 100 * spread.mean_above_chance
                yield f"{len(spread.at_chance)} of {spread.n} runs of {name} on {task} (the others: {rest:.1f})"


def _told(by_system: dict[str, Spread]) -> Iterator[str]:
    for name, spread in by_system.items():
        if spread.at_chance:
            rest = spread.mean_above_chance
            others = "" if rest is None else f" (mean of the others {100 * rest:.1f})"
            yield f"{name} in {len(spread.at_chance)} of {spread.n} runs{others}"
