"""How much selection among fine-tuning settings raises the scores shown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from zoo.core.specs import Record
from zoo.experiments.results.run import ComparisonRun, best_setting, judged_by
from zoo.tasks.kinds import is_learnt


class SearchResult(Record):
    """A variant's settings on a task: the mean over seeds of each, in the grid's order, and of the chosen one.

    `on_held_out` is the chosen one's mean on the training items on which it was chosen, None if it was chosen on dev.
    `expected_best` is then the expected maximum of as many tries, drawn from those made; otherwise it is None. `fixed`
    is the mean of the one setting that is best on average over all variants and tasks, None if the tasks' settings
    differ.
    """

    task: str
    system: str
    chosen: str
    scores: dict[str, float]
    shown: float
    mean: float
    on_held_out: float | None
    expected_best: float | None
    fixed: float | None


def expected_best(scores: Sequence[float], n: int) -> float:
    """The expected maximum of n tries; Dodge et al. 2019, "Show Your Work", section 3.2.

    Tries are taken to be independent draws from the scores that were seen.
    """
    k = len(scores)
    return sum(score * ((rank / k) ** n - ((rank - 1) / k) ** n) for rank, score in enumerate(sorted(scores), 1))


def search_results(run: ComparisonRun) -> list[SearchResult]:
    """For every variant and task with a setting chosen among several."""
    if run.plan.tuning is None:
        return []
    results_of = {
        (task.name, variant.name): results
        for task in run.plan.tasks
        for variant in run.plan.variants
        if is_learnt(task)  # the setting of another is that of the task that its models learn
        and run.plan.tuning.rule(task.name) != "fixed"
        and (results := run.tried(variant.name, task.name))
    }
    means = {
        place: {label: fmean(result.main_score for result in results) for label, results in by_setting.items()}
        for place, by_setting in results_of.items()
    }
    same, on_dev = _best_for_all(list(means.values())), run.plan.tuning.on == "dev"
    return [
        SearchResult(
            task=task,
            system=system,
            chosen=(chosen := best_setting(by_setting)),
            scores=scores,
            shown=scores[chosen],
            mean=fmean(scores.values()),
            on_held_out=None if on_dev else fmean(judged_by(result) for result in by_setting[chosen]),
            expected_best=expected_best(list(scores.values()), len(scores)) if on_dev else None,
            fixed=scores[same] if same else None,
        )
        for ((task, system), by_setting), scores in zip(results_of.items(), means.values(), strict=True)
    ]


def _best_for_all(means: list[dict[str, float]]) -> str | None:
    """The setting with the highest mean over all, None if they do not share their settings."""
    if not means or any(set(scores) != set(means[0]) for scores in means):
        return None
    return max(means[0], key=lambda label: fmean(scores[label] for scores in means))
