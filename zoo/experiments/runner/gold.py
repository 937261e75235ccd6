"""Writing the gold labels of a run."""

from __future__ import annotations

from pathlib import Path

from zoo.core.errors import ZooError
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.gold_labels import Gold, gold_misfit, gold_path, write_gold
from zoo.registry.catalog import Catalog
from zoo.tasks.scoring import gold_labels, groups


def keep_gold(catalog: Catalog, plan: Plan, folder: Path) -> None:
    """Write the gold labels that a run folder lacks. Raises ZooError if the data are not those of the plan."""
    data = Path(plan.data_folder) if plan.data_folder else None
    for planned in plan.tasks:
        if not gold_path(folder, planned).exists():
            task = catalog.task(planned.name)
            dataset = task.load(data)
            gold = Gold(task=task.name, answers=gold_labels(task, dataset), groups=groups(task, dataset))
            if wrong := gold_misfit(planned, gold):
                raise ZooError(f"the data of task {planned.name!r} are not those that were planned: {wrong}")
            write_gold(folder, planned, gold.answers, gold.groups)
