"""A plugin with a task that a model can learn in a few steps, for tests of comparisons."""

from __future__ import annotations

from pathlib import Path

from zoo import Dataset, Example, Task, hookimpl
from zoo.tasks.task import content_hash

NOUNS = ("cook", "sailor", "judge", "pupil", "nurse", "hunter")


class ToyTask(Task):
    """Is there a lamp in the sentence?"""

    def load(self, folder: Path | None) -> Dataset:
        """Every sentence once with a lamp and once with a boat."""
        items = [
            Example(f"the {first} shows the {second} a {thing}.", None, int(thing == "lamp"))
            for first in NOUNS
            for second in NOUNS
            for thing in ("lamp", "boat")
        ]
        splits = {"train": tuple(items[:48]), "dev": tuple(items[48:])}
        return Dataset(splits, content_hash(splits))


@hookimpl
def zoo_tasks() -> list[Task]:
    """One task, and one without a dev split."""
    fields = {
        "suite": "toy",
        "kind": "classification",
        "pair": False,
        "labels": ("no", "yes"),
        "metrics": ("accuracy",),
    }
    return [
        ToyTask(name="lamps", citation="none", **fields),  # type: ignore[arg-type]
        ToyTask(name="undeveloped", citation="none", dev_splits=("validation",), **fields),  # type: ignore[arg-type]
    ]
