"""The section on fine-tuning settings that were tried."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.document import MISSING, Section, Table
from zoo.experiments.plan.planned import PlannedTask
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.selection import search_results
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import chosen_metrics


def selection_section(run: ComparisonRun) -> Section | None:
    """The selected settings, and the scores without selection; None if nothing was tried."""
    table = selection_table(run)
    return Section("settings-tried", "Settings tried", (table,), brief=True) if table.rows else None


def selection_table(run: ComparisonRun) -> Table:
    """A row per task and variant."""
    rows = tuple(
        (
            f"{result.task}: {result.system}",
            result.chosen,
            f"{len(result.scores)}",
            *(
                MISSING if score is None else f"{100 * score:.1f}"
                for score in (result.on_held_out, result.shown, result.expected_best, result.mean, result.fixed)
            ),
        )
        for result in search_results(run)
    )
    columns = (
        "task and variant",
        "chosen",
        "tries",
        "chosen on held-out items at",
        "chosen, as shown",
        "expected best of so many",
        "mean of all",
        "one for all tasks and variants",
    )
    return Table(columns, rows, words=frozenset({"chosen"}))


def selection_notes(run: ComparisonRun) -> list[str]:
    """The rules by which the scores shown were selected."""
    by_rule: dict[str, list[str]] = {}
    for task in run.plan.tasks:
        rules = {r.job.selection for v in run.plan.variants for r in run.finetuned(v.name, task.name)}
        by_rule.setdefault(" and ".join(sorted(rules)), []).append(task.name)
    notes = list(_chosen(run))
    if set(by_rule) <= {"last", ""}:
        return notes
    if run.plan.tuning:
        notes.append(f"Fine-tuning settings: {run.plan.tuning.name} ({run.plan.tuning.source}).")
    if len(by_rule) > 1:
        listed = "; ".join(f"{rule} on {', '.join(tasks)}" for rule, tasks in by_rule.items())
        notes.append(f"The table mixes rules of selection: {listed}. Compare only within a rule.")
    if run.plan.tuning and any("held-out" in rule for rule in by_rule):
        share = f"{run.plan.tuning.held_out:.0%}"
        notes.append(
            "Best on held-out items: of several settings, the one with a variant's best mean over seeds on "
            f"{share} of the training items, on which none of the trials was trained. The scored "
            "items play no part in the selection."
        )
    if any("dev" in rule for rule in by_rule):
        notes.append(
            "Best on dev: of several settings, the one with a variant's best mean over seeds on the same items that it "
            "is scored on. This is optimistic by up to the amount in the table of settings; verdicts do not correct "
            "for it."
        )
    return notes


def _chosen(run: ComparisonRun) -> Iterator[str]:
    """What metrics choose on the items that they score, with its value in each run."""
    for task in run.plan.tasks:
        what = ", ".join(dict.fromkeys(metric.chosen for metric in chosen_metrics(task).values() if metric.chosen))
        if what:
            values = "; ".join(f"{name} {its}" for name in run.systems if (its := _values(run, name, task)))
            yield f"{task.name}: {what} chosen on the items that are scored, for each run" + f": {values}." * bool(
                values
            )


def _values(run: ComparisonRun, system: str, task: PlannedTask) -> str:
    gold, kind = run.gold.get(task.name, {}), task_kind(task)
    chosen = [
        value
        for result in run.finetuned(system, task.name)
        for split, made in result.predictions.items()
        if split in gold
        for value in kind.chosen(gold[split], made).values()
    ]
    return ", ".join(f"{value:.2f}" for value in chosen if isinstance(value, float))
