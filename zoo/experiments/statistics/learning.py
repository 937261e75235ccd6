"""How scores grow with pre-training, and how much of it one variant needs for another's score.

Legend: R draws, K seeds, P points of the pre-training, the last of which is its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np

from zoo.core.specs import Record
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.bootstrap import Array
from zoo.experiments.statistics.error import LEVEL
from zoo.experiments.statistics.standing import Standing, standings
from zoo.experiments.statistics.tests import N_DRAWS
from zoo.experiments.statistics.verdicts import scores_of


class PointScores(Record):
    """A variant's scores after some of its pre-training: by task, and in the mean over tasks if they are several.

    `operations` are the floating-point operations of the pre-training so far; None if a part states no formula.
    """

    variant: str
    tokens: int
    operations: float | None
    scores: dict[str, Standing]


class Reach(Record):
    """The tokens with which `first` reaches the final score of `second`, as a multiple of all of the latter's.

    None: not within the budget. The ends are of a 95% bootstrap interval over seeds and items. `least` is the first
    point that was evaluated; a multiple equal to it may be smaller. `operations` is the factor from multiples of tokens
    to those of operations.
    """

    first: str
    second: str
    times: float | None
    low: float | None
    high: float | None
    least: float
    operations: float | None


class Learning(Record):
    """The points of all variants, each variant's in order, and the reaches of all pairs that finished all points."""

    points: tuple[PointScores, ...]
    reaches: tuple[Reach, ...]


def learning(run: ComparisonRun, final: Mapping[str, Mapping[str, Standing]]) -> Learning:
    """From a run whose plan has points, and the standings at its end."""
    stages = [*map(run.at, run.plan.evaluate_at), run]
    scores = [*map(_standings, stages[:-1]), final]
    points = tuple(
        point
        for name in run.plan.names
        for stage, of in zip(stages, scores, strict=True)
        if (point := _point(stage, name, of))
    )
    return Learning(points=points, reaches=tuple(_reaches(stages, points)))


def _standings(run: ComparisonRun) -> dict[str, dict[str, Standing]]:
    found = {task: {n: of for n in run.plan.names if (of := scores_of(run, n, task))} for task in run.plan.averaged}
    several = len(found) > 1 and all(found.values())
    return standings(found, found if several else {}, run.plan.unseeded_on)


def _point(run: ComparisonRun, name: str, of: Mapping[str, Mapping[str, Standing]]) -> PointScores | None:
    model = run.pretrained(name)
    scores = {task: by_name[name] for task, by_name in of.items() if name in by_name}
    if model is None or not scores:
        return None
    operations = model.tokens * model.flops.training / model.flops.length if model.flops else None
    return PointScores(variant=name, tokens=model.tokens, operations=operations, scores=scores)


def _reaches(stages: list[ComparisonRun], points: tuple[PointScores, ...]) -> Iterator[Reach]:
    means: dict[str, Array] = {}
    drawn: dict[str, Array] = {}
    of = {name: [point for point in points if point.variant == name] for name in stages[0].plan.names}
    seeds = _seeds(stages)
    for name, its in of.items():
        if seeds and len(its) == len(stages):
            means[name], drawn[name] = _curve(stages, name, seeds)
    for first, second in permutations(means, 2):
        tokens = np.array([point.tokens for point in of[first]]) / of[second][-1].tokens
        times = reached(means[first], tokens, means[second][-1])
        ends = np.quantile(
            reached(drawn[first], tokens, drawn[second][:, -1]), [LEVEL / 2, 1 - LEVEL / 2], method="inverted_cdf"
        )
        rates = [point.operations and point.operations / point.tokens for point in (of[first][-1], of[second][-1])]
        yield Reach(
            first=first,
            second=second,
            times=_finite(times),
            low=_finite(ends[0]),
            high=_finite(ends[1]),
            least=float(tokens[0]),
            operations=rates[0] / rates[1] if rates[0] and rates[1] else None,
        )


def _seeds(stages: list[ComparisonRun]) -> list[int]:
    """Those with which every variant finished every task at every point."""
    plan = stages[0].plan
    found = [
        {result.job.seed for result in stage.finetuned(name, task)}
        for stage in stages
        for name in plan.names
        for task in plan.averaged
        if name not in plan.unseeded_on(task)
    ]
    return sorted(set.intersection(*found)) if found else [0]


def _curve(stages: list[ComparisonRun], name: str, seeds: list[int]) -> tuple[Array, Array]:
    """A variant's mean over tasks at every point [P], and the same on drawn seeds and items [R, P].

    One seed less is drawn than there are, so that the means of the drawn vary as much as those of seeds do (Rao and Wu
    1988). All variants and points get the same draws.
    """
    picks = np.random.default_rng(0).integers(len(seeds), size=(N_DRAWS, max(1, len(seeds) - 1)))
    means, drawn = [], []
    for stage in stages:
        values, resampled = [], []
        for index, task in enumerate(stage.plan.averaged):
            scores = scores_of(stage, name, task)
            assert scores  # as the variant has a score at every point
            if name in stage.plan.unseeded_on(task):
                scores = scores.repeated(tuple(seeds))
            its, its_drawn = scores.at(seeds)
            values.append(its.mean())
            # Items of different tasks are drawn independently, as in the standings.
            picked = np.take_along_axis(its_drawn, picks, axis=1).mean(1)
            resampled.append(np.roll(picked, index))
        means.append(np.mean(values))
        drawn.append(np.mean(resampled, axis=0))
    return np.array(means), np.stack(drawn, axis=1)


def reached(curve: Array, tokens: Array, target: Array) -> Array:
    """The tokens at which curves [..., P] first reach a target [...]; infinite where they do not.

    Between two points a score is taken to grow linearly with the logarithm of the tokens [P].
    """
    there = curve >= np.expand_dims(target, -1)
    after = there.argmax(-1)
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(curve, np.expand_dims(at, -1), -1)[..., 0] for at in (before, after))
    rise = np.where(high > low, high - low, 1.0)
    share = np.where(after == before, 0.0, (target - low) / rise)
    logs = np.log(tokens)
    found: Array = np.exp(logs[before] + share * (logs[after] - logs[before]))
    return np.where(there.any(-1), found, np.inf)


def _finite(times: Array | float) -> float | None:
    return float(times) if np.isfinite(times) else None
