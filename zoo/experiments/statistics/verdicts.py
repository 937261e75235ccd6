"""The statistics of a run, from its saved results alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from zoo.core.specs import Record
from zoo.experiments.plan.cache_key import model_keys
from zoo.experiments.plan.spec import PlannedTask
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.bootstrap import Array, resampled
from zoo.experiments.statistics.tests import (
    LEVEL,
    MOST_SEEDS,
    N_DRAWS,
    SAME,
    Difference,
    Spread,
    bootstrap_p,
    holm,
    mean_interval,
    minimum_detectable_difference,
    multi_bootstrap,
    seeds_needed,
    spread,
    t_test,
    tiers,
    verdict,
)
from zoo.tasks.kinds import task_kind


class Comparisons(Record):
    """Spreads by task and system, tiers of variants by task, and the differences of all pairs with a variant."""

    spreads: dict[str, dict[str, Spread]]
    differences: tuple[Difference, ...]
    tiers: dict[str, tuple[tuple[str, ...], ...]]
    undecided: tuple[str, ...]
    baselines: tuple[str, ...]

    def between_variants(self, task: str | None = None) -> list[Difference]:
        """The differences without a baseline, on one task or all."""
        return [d for d in self.differences if d.second not in self.baselines and task in (None, d.task)]


@dataclass(frozen=True)
class Scores:
    """A system's main_scores [K] and the same on drawn items [R, K]."""

    seeds: tuple[int, ...]
    values: Array
    drawn: Array

    def repeated(self, seeds: tuple[int, ...]) -> Scores:
        """The one score of a system independent of seeds, repeated for each of these seeds."""
        values, drawn = (np.repeat(side[..., :1], len(seeds), axis=-1) for side in (self.values, self.drawn))
        return Scores(seeds, values, drawn)

    def at(self, seeds: list[int]) -> tuple[Array, Array]:
        """For some of the seeds, in order."""
        which = [self.seeds.index(seed) for seed in seeds]
        return self.values[which], self.drawn[:, which]


def compare_systems(run: ComparisonRun) -> Comparisons:
    """Spread, differences and tiers of every task; only the spread if gold labels are missing."""
    variants = [variant.name for variant in run.plan.variants]
    spreads = {
        task.name: {
            system: spread([r.main_score for r in results], [has_constant_predictions(task, r) for r in results])
            for system in (*variants, *task.baselines)
            if (results := run.finetuned(system, task.name))
        }
        for task in run.plan.tasks
    }
    undecided = tuple(task for task in spreads if not run.gold.get(task))
    differences = adjusted([d for task in spreads if task not in undecided for d in _differences(run, task)])
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
    return Comparisons(
        spreads=spreads,
        differences=tuple(differences),
        tiers=tiers_of,
        undecided=undecided,
        baselines=run.plan.baselines,
    )


def has_constant_predictions(task: PlannedTask, result: TaskResult) -> bool:
    """Whether a run predicts the same for every item of a development split."""
    kind = task_kind(task)
    return any(kind.is_constant(made) for made in result.predictions.values())


def _differences(run: ComparisonRun, task: str) -> Iterator[Difference]:
    """For every two variants, and every variant and baseline; not yet adjusted for multiple tests."""
    variants, baselines = [variant.name for variant in run.plan.variants], run.plan.task(task).baselines
    scores = {name: found for name in (*variants, *baselines) if (found := scores_of(run, name, task))}
    keys = model_keys(run.plan, task)
    for first, second in combinations(scores, 2):
        if first in baselines:
            continue
        one, other = scores[first], scores[second]
        if first in run.plan.unseeded:
            one = one.repeated(other.seeds)
        if second in run.plan.unseeded:
            other = other.repeated(one.seeds)
        fixed = {first, second} <= {*run.plan.unseeded}
        seeds = sorted(set(one.seeds) & set(other.seeds))
        if seeds:
            (ours, ours_drawn), (theirs, theirs_drawn) = one.at(seeds), other.at(seeds)
            same = keys[first] == keys.get(second)
            yield difference(task, first, second, ours - theirs, ours_drawn - theirs_drawn, same=same, fixed=fixed)


def difference(
    task: str, first: str, second: str, values: Array, drawn: Array, *, same: bool = False, fixed: bool = False
) -> Difference:
    """Two systems compared by their paired differences over seeds [K] and over drawn items and seeds [R, K].

    `same`: their scores depend on the same inputs. If they still differ, as on two machines, they are tested.
    `fixed`: neither depends on a seed, so only items are drawn, and the verdict is on these two models.
    """
    n = len(values)
    mean, sd, low, high = mean_interval(values.tolist())
    means = multi_bootstrap(drawn)
    variances = ((sd or 0.0) ** 2, float(drawn.mean(1).var()))
    p = bootstrap_p(means) if fixed else max(t_test(values.tolist(), variances[1]), bootstrap_p(means))
    bootstrap_low, bootstrap_high = np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2]).tolist()
    return Difference(
        task=task,
        first=first,
        second=second,
        n_seeds=n,
        fixed=fixed,
        difference=mean,
        low=low,
        high=high,
        bootstrap_low=bootstrap_low,
        bootstrap_high=bootstrap_high,
        p=p,
        adjusted_p=p,
        minimum_detectable_difference=minimum_detectable_difference(n, *variances),
        minimum_detectable_at_best=minimum_detectable_difference(MOST_SEEDS, *variances),
        seeds_needed=seeds_needed(mean, *variances) if n > 1 else None,
        verdict=SAME if same and not values.any() else "not significant",
    )


def scores_of(run: ComparisonRun, system: str, task: str) -> Scores | None:
    results, targets = run.finetuned(system, task), run.gold.get(task)
    if not results or not targets:
        return None
    predictions = {split: [result.predictions[split] for result in results] for split in results[0].predictions}
    return Scores(
        seeds=tuple(result.job.seed for result in results),
        values=np.asarray([result.main_score for result in results]),
        drawn=resampled(run.plan.task(task), targets, predictions, N_DRAWS),
    )


def adjusted(drafts: list[Difference]) -> list[Difference]:
    """Holm-corrected over the tasks on which the same two are compared, with the resulting verdict."""
    found: dict[tuple[str, str, str], Difference] = {}
    for pair in {(draft.first, draft.second) for draft in drafts}:
        alike = [draft for draft in drafts if (draft.first, draft.second) == pair]
        found |= {(d.task, *pair): d for d in decided(alike)}
    return [found[draft.task, draft.first, draft.second] for draft in drafts]


def decided(drafts: list[Difference]) -> list[Difference]:
    """Holm-corrected over all pairs that can differ, with the resulting verdict."""
    p_values = iter(holm([draft.p for draft in drafts if draft.verdict != SAME]))
    return [
        draft
        if draft.verdict == SAME
        else draft.model_copy(update={"adjusted_p": (p := next(p_values)), "verdict": verdict(draft, p)})
        for draft in drafts
    ]
