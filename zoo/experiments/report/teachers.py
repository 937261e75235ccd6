"""What variants learn from teachers, and what the teachers cost."""

from __future__ import annotations

from zoo.document import MISSING, Table
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.costs import withheld

PHASES = {"finetuning": "fine-tuning", "pretraining": "pre-training", "both": "both"}


def teachers_table(run: ComparisonRun) -> Table:
    """A row per variant that has a teacher: what it learns with, and the seconds of pre-training and of fine-tuning
    over all tasks and seeds, its own and those of its teacher, which has to be trained first.
    """
    rows = []
    for variant in run.plan.variants:
        record, teacher = variant.distillation, variant.distillation.teacher
        if teacher is not None:
            told = (record.layers or MISSING, PHASES[record.phase], record.label)
            rows.append((variant.name, teacher, *told, _seconds(run, variant.name), _seconds(run, teacher)))
    columns = ("variant", "teacher", "layers taken", "learns in", "loss", "training, s", "of the teacher, s")
    return Table(columns, tuple(rows), words=frozenset({"teacher", "layers taken", "learns in", "loss"}))


def _seconds(run: ComparisonRun, system: str) -> str:
    """Of all its trainings here; none where a folder's head is used as it is."""
    found = [result.cost.seconds for result in run.pretrainings(system) if result.steps]
    found += [result.cost.seconds for result in run.finetuned(system) if result.steps]
    return f"{sum(found):,.0f}" if found and not withheld(run) else MISSING
