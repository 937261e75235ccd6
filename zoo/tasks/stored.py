"""Tasks of benchmarks as the data sets library keeps them, in place of the benchmark's own files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from zoo.core.errors import ZooError
from zoo.core.specs import Record
from zoo.tasks.folders import holds_data, stored_data
from zoo.tasks.record import RecordTask
from zoo.tasks.task import Dataset, Task


class StoredLayout(Record):
    """A data set of the data sets library: its name, the columns of a kind's fields, and its names of the splits.

    Splits in `unlabelled` have placeholders for labels.
    """

    config: str
    columns: Mapping[str, str]
    splits: Mapping[str, str] = Field(default={"train": "train", "dev": "validation", "test": "test"})
    unlabelled: tuple[str, ...] = ("test",)

    def place(self, folder: Path) -> Path | None:
        """Its folder in one that holds several, or in a folder directly below, if it is there."""
        below = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        places = [place / self.config for place in (folder, *below)]
        return next((place for place in places if holds_data(place)), None)


def read_stored(task: Task, layout: StoredLayout, place: Path) -> Dataset:
    """A task's items from such a folder. Raises ZooError if it lacks a split to train or score on, or is malformed."""
    stored = stored_data(place)
    missing = [split for split in (task.train_split, *task.dev_splits) if layout.splits[split] not in stored.files]
    if missing:
        raise ZooError(f"{place}: has no files of {layout.splits[missing[0]]}, which task {task.name!r} needs")
    shared = {name: getattr(task, name) for name in Task.model_fields}
    own = RecordTask(
        **shared,
        files={
            split: tuple(path.relative_to(place).as_posix() for path in stored.files[name])
            for split, name in layout.splits.items()
            if name in stored.files
        },
        columns=dict(layout.columns),
        class_names=dict(stored.class_names),
        unlabelled=layout.unlabelled,
        place=str(place),
    )
    return own.load(None)
