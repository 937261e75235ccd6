"""Minimal pairs as tasks of a comparison: BLiMP's files, and the pairs of the microworld."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.tasks.made import made_once
from zoo.tasks.minimal_pairs import MinimalPair, read_pairs
from zoo.tasks.starter import PAIRS, MicroworldPairs
from zoo.tasks.task import Dataset, Example, Task, content_hash

KIND = "minimal-pairs"


class PairsTask(Task):
    """Minimal pairs in a folder of JSONL files, one of `folders` in that given as `--data`."""

    kind: str = KIND
    metrics: tuple[str, ...] = ("accuracy",)
    folders: tuple[str, ...]

    def load(self, folder: Path | None) -> Dataset:
        """Read all files. Raises ZooError with file and line for what is no pair."""
        if absent := self.absence(folder):
            raise ZooError(absent)
        return _dataset(read_pairs(self._found(folder)[0]))

    def read(self, path: Path) -> tuple[Example, ...]:
        """The items of a file, or of all in a folder. Raises ZooError as `load` does."""
        return items_of(read_pairs(path))

    def absence(self, folder: Path | None) -> str | None:
        """Why there is no such folder; None if there is one."""
        if folder is None:
            return f"task {self.name!r} is read from files; give the folder (--data DIR) that holds {self.folders[0]}"
        looked = " or ".join(self.folders)
        return (
            None if self._found(folder) else f"{folder} has no folder {looked} of JSONL files, for task {self.name!r}"
        )

    def _found(self, folder: Path | None) -> list[Path]:
        places = [(folder or Path()) / name for name in self.folders]
        return [place for place in places if next(place.glob("*.jsonl"), None)]


class MicroworldPairsTask(Task):
    """The minimal pairs of the microworld, which are made."""

    kind: str = KIND
    metrics: tuple[str, ...] = ("accuracy",)
    made: MicroworldPairs

    def load(self, folder: Path | None) -> Dataset:
        """Make them, once in a process; the folder is not looked at."""
        return made_once(self, lambda: _dataset(self.made.pairs()))


def items_of(pairs: Iterable[MinimalPair]) -> tuple[Example, ...]:
    """Each pair as an item whose first choice is the good sentence, in the groups that it names, wide to narrow."""
    return tuple(
        Example("", None, 0, (p.good, p.bad), groups=tuple(filter(None, (p.field, p.term, p.phenomenon))))
        for p in pairs
    )


def _dataset(pairs: Iterable[MinimalPair]) -> Dataset:
    splits = {"dev": items_of(pairs)}
    return Dataset(splits, content_hash(splits))


TASKS: tuple[Task, ...] = (
    PairsTask(
        name="blimp", suite="blimp", folders=("blimp", "blimp/data", "data"), citation="Warstadt et al. 2020, TACL"
    ),
    *(
        MicroworldPairsTask(
            name=name, suite="microworld-pairs", made=made, synthetic=True, citation="ours; docs/microworld.md"
        )
        for name, made in PAIRS.items()
    ),
)
