"""The statistics of a run, from its saved results alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean

import numpy as np

from zoo.core.specs import Record
from zoo.experiments.plan.claims import Claims
from zoo.experiments.results.scored import ScoredResult, ScoredRun, ScoredTask
from zoo.experiments.statistics.bootstrap import resampled
from zoo.experiments.statistics.chance import at_chance, chance_of
from zoo.experiments.statistics.decisions import settled
from zoo.experiments.statistics.draft import MEAN, Pairing, Scores
from zoo.experiments.statistics.error import MANY_ITEMS
from zoo.experiments.statistics.standing import Standing, standings
from zoo.experiments.statistics.tests import N_DRAWS, Difference, Spread, spread, tiers
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import main_limits, main_metrics


class Comparisons(Record):
    """Spreads by task and system, tiers of variants by task, and the differences of all pairs with a variant.

    `overall` are those in the mean over the tasks that models learn, for pairs that finished all of them. `standings`
    are the scores with intervals, by task and in that mean; `decisive` is the one of these that decides as a whole: the
    mean, or the only task.
    """

    spreads: dict[str, dict[str, Spread]]
    standings: dict[str, dict[str, Standing]]
    decisive: str
    differences: tuple[Difference, ...]
    overall: tuple[Difference, ...]
    tiers: dict[str, tuple[tuple[str, ...], ...]]
    undecided: tuple[str, ...]
    baselines: tuple[str, ...]
    claims: Claims

    def between_variants(self, task: str | None = None) -> list[Difference]:
        """The differences without a baseline, on one task or all."""
        return [d for d in self.differences if d.second not in self.baselines and task in (None, d.task)]

    @property
    def main(self) -> list[Difference]:
        """The differences that decide as a whole."""
        return [d for d in (*self.overall, *self.differences) if d.task == self.decisive]

    @property
    def main_standings(self) -> dict[str, Standing]:
        """By system, the score that decides as a whole."""
        return self.standings.get(self.decisive, {})

    @property
    def overall_between_variants(self) -> list[Difference]:
        """The differences without a baseline in the mean over the tasks."""
        return [d for d in self.overall if d.second not in self.baselines]


def compare_systems(run: ScoredRun) -> Comparisons:
    """Spread, differences and tiers of every task; only the spread if gold labels are missing."""
    variants = run.plan.names
    undecided = tuple(task.name for task in run.plan.tasks if task.dev and not run.gold.get(task.name))
    scores = {task.name: _scores(run, task.name) for task in run.plan.tasks if task.name not in undecided}
    spreads = {task.name: _spreads(run, task, scores.get(task.name, {})) for task in run.plan.tasks}
    differences = adjusted(run, [pairing for task in scores for pairing in _pairings(run, {task: scores[task]})])
    tiers_of = {
        task: tuple(
            tuple(tier)
            for tier in tiers(
                {name: by_system[name].mean for name in variants if name in by_system},
                {d.winner_first for d in differences if d.task == task and d.verdict == "better"},
            )
        )
        for task, by_system in spreads.items()
        if task not in undecided
    }
    averaged = {task: scores[task] for task in run.plan.averaged if task in scores}
    several = len(averaged) > 1 and not undecided
    return Comparisons(
        spreads=spreads,
        standings=standings(scores, averaged if several else {}, run.plan.unseeded_on),
        decisive=MEAN if len(run.plan.averaged) > 1 else next(iter(run.plan.averaged), ""),
        differences=tuple(differences),
        overall=tuple(adjusted(run, list(_pairings(run, averaged)))) if several else (),
        tiers=tiers_of,
        undecided=undecided,
        baselines=run.plan.baselines,
        claims=run.plan.claims,
    )


def _spreads(run: ScoredRun, task: ScoredTask, scores: Mapping[str, Scores]) -> dict[str, Spread]:
    chance, found = chance_of(run, task.name), {}
    for system in (*run.plan.names, *task.baselines):
        if results := run.finetuned(system, task.name):
            made = spread([r.main_score for r in results], [has_constant_predictions(task, r) for r in results])
            if chance and system in run.plan.names:
                seeds = at_chance(scores[system], chance)
                above = [result.main_score for result in results if result.job.seed not in seeds]
                rest = fmean(above) if above else None
                made = made.model_copy(update={"at_chance": seeds, "mean_above_chance": rest})
            found[system] = made
    return found


def has_constant_predictions(task: ScoredTask, result: ScoredResult) -> bool:
    """Whether a run predicts the same for every item of a development split."""
    kind = task_kind(task)
    return any(kind.is_constant(made) for made in result.predictions.values())


def scores_of(run: ScoredRun, system: str, task: str) -> Scores | None:
    """A system's scores on a task, also on drawn items; None if there are none, or no gold labels.

    Where only scores are known, its items are taken as given: nothing is drawn, and only seeds vary.
    """
    results, targets = run.finetuned(system, task), run.gold.get(task)
    if results and not run.plan.task(task).dev:
        return _of_given_items(results)
    if not results or not targets:
        return None
    predictions = {split: [result.predictions[split] for result in results] for split in results[0].predictions}
    ranges = [metric.range for metric in main_metrics(run.plan.task(task)).values()]
    return Scores(
        seeds=tuple(result.job.seed for result in results),
        values=np.asarray([result.main_score for result in results]),
        drawn=resampled(run.plan.task(task), targets, predictions, N_DRAWS),
        n_items=sum(len(targets[split]) for split in predictions),
        most=max(high - low for low, high in ranges),
        limits=main_limits(run.plan.task(task)),
    )


def _of_given_items(results: Sequence[ScoredResult]) -> Scores:
    values = np.asarray([result.main_score for result in results])
    return Scores(tuple(result.job.seed for result in results), values, np.tile(values, (2, 1)), MANY_ITEMS)


def adjusted(run: ScoredRun, pairings: Sequence[Pairing]) -> list[Difference]:
    """With verdicts, corrected as the run's claims say: over the tasks of each pair, or over all pairs of variants.

    Results on different tasks are independent; pairs share a variant's results.
    """
    claims, baselines = run.plan.claims, run.plan.baselines
    together = claims.family_wise or claims.against is not None
    families: dict[object, list[Pairing]] = {}
    for pairing in pairings:
        family = () if together and pairing.second not in baselines else (pairing.first, pairing.second)
        families.setdefault(family, []).append(pairing)
    found = [d for key, family in families.items() for d in settled(family, claims, independent=bool(key))]
    order = {(pairing.task, pairing.first, pairing.second): place for place, pairing in enumerate(pairings)}
    return sorted(found, key=lambda d: order[d.task, d.first, d.second])


def _scores(run: ScoredRun, task: str) -> dict[str, Scores]:
    systems = (*run.plan.names, *run.plan.task(task).baselines)
    return {name: found for name in systems if (found := scores_of(run, name, task))}


def _pairings(run: ScoredRun, scores: dict[str, dict[str, Scores]]) -> Iterator[Pairing]:
    """For every two variants, and every variant and baseline, on one task or in the mean over several."""
    plan, against = run.plan, run.plan.claims.against
    systems = [name for name in next(iter(scores.values())) if all(name in of for of in scores.values())]
    keys = [run.model_keys(task) for task in scores]
    for first, second in combinations(systems, 2):
        if first in plan.baselines or (against not in (None, first, second) and second not in plan.baselines):
            continue
        once = [{*plan.unseeded_on(task)} for task in scores]
        sides = {
            task: paired(of[first], of[second], first in fixed, second in fixed)
            for (task, of), fixed in zip(scores.items(), once, strict=True)
        }
        same = all(first in of and of[first] == of.get(second) for of in keys)
        yield Pairing(first, second, sides, same=same, fixed=all({first, second} <= names for names in once))


def paired(one: Scores, other: Scores, one_is_fixed: bool, other_is_fixed: bool) -> tuple[Scores, Scores]:
    """Both scores, a score independent of seeds repeated for each seed of the other."""
    if one_is_fixed:
        one = one.repeated(other.seeds)
    if other_is_fixed:
        other = other.repeated(one.seeds)
    return one, other
