"""A plugin with a task that a model can learn in a few steps, for tests of comparisons."""

from __future__ import annotations

from pathlib import Path

from zoo import Dataset, Example, Offers, Task, hookimpl
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


LAMPS = ToyTask(
    name="lamps",
    suite="toy",
    kind="classification",
    pair=False,
    labels=("no", "yes"),
    metrics=("accuracy",),
    citation="none",
)
TASKS = [LAMPS, LAMPS.model_copy(update={"name": "undeveloped", "dev_splits": ("validation",)})]


@hookimpl
def zoo_offers() -> Offers:
    """One task, and one without a dev split."""
    return Offers(api_version=1, tasks=TASKS)
