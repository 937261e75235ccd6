"""Which runs have learned nothing: those not significantly above one answer for every item.

Fine-tuning fails with some seeds and not with others (Devlin et al. 2019, section 5.1; Dodge et al. 2020). Mosbach et
al. 2021 (section 3) call a run failed if it scores no more than the most frequent class. Half of all runs that guess do
score more, so this is tested: one-sided at 5%, over items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.experiments.results.scored import ScoredRun
from zoo.experiments.statistics.bootstrap import resampled
from zoo.experiments.statistics.draft import Scores
from zoo.experiments.statistics.error import LEVEL, error_of
from zoo.experiments.statistics.tests import N_DRAWS
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import Scored, main_score, score


def chance_of(run: ScoredRun, name: str) -> Scores | None:
    """The score of the best one answer to every item of a task, also on drawn items; None if there is no such answer,
    or no gold labels.
    """
    task, gold = run.plan.task(name), run.gold.get(name)
    if not gold or not task.dev:
        return None
    labels = [label for split in gold for label in gold[split]]
    scored = [_scored(task, gold, answers) for answers in task_kind(task).constants(labels)]
    if not scored:
        return None
    value, made = max(scored, key=lambda found: found[0])
    drawn = resampled(task, gold, {split: [answers] for split, answers in made.items()}, N_DRAWS)
    return Scores((0,), np.asarray([value]), drawn, len(labels))


def at_chance(scores: Scores, chance: Scores) -> tuple[int, ...]:
    """The seeds whose score is not significantly above chance."""
    above, drawn = scores.values - chance.values, scores.drawn - chance.drawn
    errors = [error_of(above[[k]], drawn[:, [k]], scores.n_items, fixed=True) for k in range(len(above))]
    found = zip(scores.seeds, above, errors, strict=True)
    return tuple(seed for seed, gap, error in found if gap <= error.reach(2 * LEVEL))


def _scored(
    task: Scored, gold: Mapping[str, Sequence[Any]], answers: Sequence[Any]
) -> tuple[float, Mapping[str, Sequence[Any]]]:
    """The main score of predictions for the items of all splits, and these by split."""
    rest = iter(answers)
    made = {split: [next(rest) for _ in gold[split]] for split in gold}
    return main_score(task, {split: score(task, gold[split], made[split]) for split in made}), made
