"""Each system's own score with its interval, beside the differences that decide between two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from zoo.core.specs import Record
from zoo.experiments.statistics.draft import MEAN, Scores
from zoo.experiments.statistics.error import LEVEL, error_of


class Standing(Record):
    """A system's score on a task or in the mean over tasks, with its 95% interval over seeds and items.

    Two intervals may overlap although the difference is significant: both systems answer the same items. The ends are
    None for one seed.
    """

    mean: float
    low: float | None
    high: float | None


def standings(
    scores: Mapping[str, Mapping[str, Scores]],
    averaged: Mapping[str, Mapping[str, Scores]],
    unseeded_on: Callable[[str], Sequence[str]],
) -> dict[str, dict[str, Standing]]:
    """By task and system, and in the mean over some of the tasks for systems that finished these.

    `unseeded_on` gives the systems whose score on a task depends on no seed.
    """
    of_tasks = {task: {name: [of] for name, of in by_system.items()} for task, by_system in scores.items()}
    if averaged:
        finished = set.intersection(*({*by_system} for by_system in averaged.values()))
        names = [name for name in next(iter(averaged.values())) if name in finished]
        of_tasks[MEAN] = {name: [by_system[name] for by_system in averaged.values()] for name in names}
    once = {task: {*unseeded_on(task)} for task in scores}
    once[MEAN] = set.intersection(*(once[task] for task in averaged)) if averaged else set()
    made = {
        task: {name: standing(found, fixed=name in once[task]) for name, found in by_system.items()}
        for task, by_system in of_tasks.items()
    }
    return {task: {name: one for name, one in by_name.items() if one} for task, by_name in made.items()}


def standing(of_tasks: Sequence[Scores], *, fixed: bool) -> Standing | None:
    """A system's mean over tasks; None if no seed finished all. `fixed`: it depends on no seed."""
    seeds = sorted(set.intersection(*({*scores.seeds} for scores in of_tasks))) if of_tasks else []
    if not seeds:
        return None
    sides = [scores.at(seeds) for scores in of_tasks]
    values = np.mean([values for values, _ in sides], axis=0)
    # Shifted against each other, as in draft_of: items of different tasks are drawn independently.
    drawn = np.mean([np.roll(drawn, index, axis=0) for index, (_, drawn) in enumerate(sides)], axis=0)
    mean, error = float(values.mean()), error_of(values, drawn, min(s.n_items for s in of_tasks), fixed=fixed)
    if not error.known:
        return Standing(mean=mean, low=None, high=None)
    least, most = (fmean(ends) for ends in zip(*(scores.limits for scores in of_tasks), strict=True))
    reach = error.reach(LEVEL)
    return Standing(mean=mean, low=max(least, mean - reach), high=min(most, mean + reach))
