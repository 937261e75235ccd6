"""The best system on each task, and which others are not significantly worse: a pair for each system, not each two."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.experiments.plan.claims import Claims
from zoo.experiments.results.scored import ScoredRun
from zoo.experiments.statistics.decisions import settled
from zoo.experiments.statistics.draft import Pairing, Scores
from zoo.experiments.statistics.standing import Standing, standing
from zoo.experiments.statistics.tests import Difference
from zoo.experiments.statistics.verdicts import paired, scores_of


@dataclass(frozen=True)
class Column:
    """A task: each system's score with its interval, the best system, and by how much it is better than each other.

    Differences are corrected over all systems of the task (Holm); they are empty if gold labels are missing.
    """

    best: str
    standings: dict[str, Standing]
    differences: dict[str, Difference]

    def is_beaten(self, system: str) -> bool:
        """Whether the best is significantly better."""
        found = self.differences.get(system)
        return found is not None and found.verdict == "better" and found.winner_first[0] == self.best


def column(run: ScoredRun, task: str) -> Column | None:
    """The task's column; None if nothing is scored on it."""
    means = {
        name: sum(result.main_score for result in results) / len(results)
        for name in run.systems
        if (results := run.finetuned(name, task))
    }
    if not means:
        return None
    best = max(means, key=lambda name: means[name])
    scores = {name: of for name in means if (of := scores_of(run, name, task))}
    unseeded = {*run.plan.unseeded_on(task)}
    found = {name: one for name, of in scores.items() if (one := standing([of], fixed=name in unseeded))}
    plain = {name: Standing(mean=mean, low=None, high=None) for name, mean in means.items()}

    def sides(name: str) -> tuple[Scores, Scores]:
        return paired(scores[best], scores[name], best in unseeded, name in unseeded)

    pairings = [
        Pairing(best, name, {task: sides(name)}, fixed={best, name} <= unseeded)
        for name in scores
        if name != best and best in scores
    ]
    settled_ones = settled(pairings, Claims(looks=run.plan.claims.looks))
    return Column(best, plain | found, {d.second: d for d in settled_ones})
