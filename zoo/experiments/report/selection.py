"""The section of settings of fine-tuning that were tried."""

from __future__ import annotations

from zoo.document import MISSING, Section, Table
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.selection import search_results


def selection_section(run: ComparisonRun) -> Section | None:
    """What was chosen, and what is left of it without the choice; None if nothing was tried."""
    table = selection_table(run)
    return Section("settings-tried", "Settings tried", (table,), brief=True) if table.rows else None


def selection_table(run: ComparisonRun) -> Table:
    """A row per task and variant."""
    rows = tuple(
        (
            f"{result.task}: {result.system}",
            result.chosen,
            f"{len(result.scores)}",
            *(f"{100 * score:.1f}" for score in (result.shown, result.expected_best, result.mean)),
            MISSING if result.fixed is None else f"{100 * result.fixed:.1f}",
        )
        for result in search_results(run)
    )
    columns = (
        "task and variant",
        "chosen",
        "tries",
        "best, as shown",
        "expected best of so many",
        "mean of all",
        "one for all tasks and variants",
    )
    return Table(columns, rows, words=frozenset({"chosen"}))


def selection_notes(run: ComparisonRun) -> list[str]:
    """By which rules the scores that are shown were selected."""
    by_rule: dict[str, list[str]] = {}
    for task in run.plan.tasks:
        rules = {r.job.selection for v in run.plan.variants for r in run.finetuned(v.name, task.name)}
        by_rule.setdefault(" and ".join(sorted(rules)), []).append(task.name)
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
