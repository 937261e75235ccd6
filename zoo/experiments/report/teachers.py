"""What variants learn from teachers, and what the teachers cost."""

from __future__ import annotations

from zoo.document import MISSING, Table
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.costs import withheld


def teachers_table(run: ComparisonRun) -> Table:
    """A row per variant that has a teacher: the losses that it learns with, and the seconds of fine-tuning over all
    tasks and seeds, its own and those of its teacher, which has to be trained first.
    """
    rows = []
    for variant in run.plan.variants:
        teacher = run.plan.teacher_of(variant.name)
        if teacher is not None:
            loss = variant.distillation.label
            rows.append((variant.name, teacher, loss, _seconds(run, variant.name), _seconds(run, teacher)))
    columns = ("variant", "teacher", "loss", "fine-tuning, s", "of the teacher, s")
    return Table(columns, tuple(rows), words=frozenset({"teacher", "loss"}))


def _seconds(run: ComparisonRun, system: str) -> str:
    """Of all its fine-tunings; none where a folder's head is used as it is."""
    found = [result.cost.seconds for result in run.finetuned(system) if result.steps]
    return f"{sum(found):,.0f}" if found and not withheld(run) else MISSING
