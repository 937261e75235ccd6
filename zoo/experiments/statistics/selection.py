"""What trying several settings of fine-tuning adds to the scores that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from zoo.core.specs import Record
from zoo.experiments.results.records import Run, best_setting
from zoo.tables import MISSING, Table


class Tried(Record):
    """A variant's settings on a task: the mean over seeds of each, in the grid's order, and of the chosen one.

    `expected_best` is that of so many tries as there were, drawn anew from those that were made; `fixed` is the
    mean of the one setting that is best on average over all variants and tasks, None where the tasks' settings differ.
    """

    task: str
    system: str
    chosen: str
    scores: dict[str, float]
    shown: float
    mean: float
    expected_best: float
    fixed: float | None


def expected_best(scores: Sequence[float], n: int) -> float:
    """The expected maximum of n tries; Dodge et al. 2019, "Show Your Work", section 3.2.

    Tries are taken to be independent draws from the scores that were seen.
    """
    k = len(scores)
    return sum(score * ((rank / k) ** n - ((rank - 1) / k) ** n) for rank, score in enumerate(sorted(scores), 1))


def tried(run: Run) -> list[Tried]:
    """For every variant and task on which one of several settings was chosen on the scored data."""
    if run.plan.tuning is None:
        return []
    found = {
        (task.name, variant.name): results
        for task in run.plan.tasks
        for variant in run.plan.variants
        if run.plan.tuning.rule(task.name) == "best on dev" and (results := run.tried(variant.name, task.name))
    }
    means = {
        place: {label: fmean(result.main_score for result in results) for label, results in by_setting.items()}
        for place, by_setting in found.items()
    }
    same = _best_for_all(list(means.values()))
    return [
        Tried(
            task=task,
            system=system,
            chosen=(chosen := best_setting(by_setting)),
            scores=scores,
            shown=scores[chosen],
            mean=fmean(scores.values()),
            expected_best=expected_best(list(scores.values()), len(scores)),
            fixed=scores[same] if same else None,
        )
        for ((task, system), by_setting), scores in zip(found.items(), means.values(), strict=True)
    ]


def tuning_table(run: Run) -> Table:
    """What was chosen, and what is left of it without the choice."""
    rows = tuple(
        (
            f"{found.task}: {found.system}",
            (
                found.chosen,
                f"{len(found.scores)}",
                *(f"{100 * score:.1f}" for score in (found.shown, found.expected_best, found.mean)),
                MISSING if found.fixed is None else f"{100 * found.fixed:.1f}",
            ),
        )
        for found in tried(run)
    )
    columns = (
        "chosen",
        "tries",
        "best, as shown",
        "expected best of so many",
        "mean of all",
        "one for all tasks and variants",
    )
    return Table("task and variant", columns, rows)


def tuning_notes(run: Run) -> list[str]:
    """By which rules the scores that are shown were selected."""
    rules = {
        task: {r.job.selection for v in run.plan.variants for r in run.finetuned(v.name, task)} for task in _tasks(run)
    }
    by_rule: dict[str, list[str]] = {}
    for task, found in rules.items():
        by_rule.setdefault(" and ".join(sorted(found)), []).append(task)
    if set(by_rule) <= {"last", ""}:
        return []
    notes = []
    if run.plan.tuning:
        notes.append(f"Settings of fine-tuning: {run.plan.tuning.name} ({run.plan.tuning.source}).")
    if len(by_rule) > 1:
        listed = "; ".join(f"{rule} on {', '.join(tasks)}" for rule, tasks in by_rule.items())
        notes.append(f"The table mixes rules of selection: {listed}. Compare within a rule only.")
    if any("best" in rule for rule in by_rule):
        notes.append(
            "Best on dev: of several settings, a variant's best in the mean over seeds on the very items it is scored "
            "on, which flatters it by up to what the table of settings shows; verdicts do not allow for the choice."
        )
    return notes


def _tasks(run: Run) -> list[str]:
    return [task.name for task in run.plan.tasks]


def _best_for_all(means: list[dict[str, float]]) -> str | None:
    """The setting with the highest mean over all, None where they do not share their settings."""
    if not means or any(set(scores) != set(means[0]) for scores in means):
        return None
    return max(means[0], key=lambda label: fmean(scores[label] for scores in means))
