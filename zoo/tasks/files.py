"""Tasks whose items lie in files, one per split: where the files are looked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.core.specs import Record
from zoo.tasks.task import Example, Task


class SplitFile(Record):
    """One split's file: where it lies in the folder given as `--data`, unless its path is absolute."""

    path: str
    also: tuple[str, ...] = ()
    """Other places where the same file is found in practice."""
    optional: bool = False


class FilesTask(Task):
    """A task with one file per split. A format says how `load` and `read` make items of a file."""

    files: Mapping[str, SplitFile]

    @abstractmethod
    def read(self, path: Path) -> tuple[Example, ...]:
        """The items of one file that is laid out as any of the splits, with labels or without.

        Raises ZooError with file and line if it is missing, malformed or laid out as none.
        """

    def find(self, folder: Path | None) -> dict[str, Path]:
        """The file of every split that is there. Raises ZooError if one that is not optional is missing."""
        folder = self._root(folder)
        found = {}
        for split, file in self.files.items():
            path = _path(folder, file)
            if path is not None:
                found[split] = path
            elif not file.optional:
                raise ZooError(
                    f"{folder} has no file {file.path}{_folder_hint(folder, file)}; "
                    f"task {self.name!r} looks there for {self._layout}"
                )
        if not found:
            raise ZooError(f"{folder} has no file of task {self.name!r}, which looks there for {self._layout}")
        return found

    def absence(self, folder: Path | None) -> str | None:
        """Why a file to train or score on is missing; None if all are there."""
        try:
            found = self.find(folder)
        except ZooError as error:
            return str(error)
        needed = (*self.dev_splits, *(() if self.trained_on else (self.train_split,)))
        missing = [self.files[split].path for split in needed if split in self.files and split not in found]
        return f"{folder} has no file {missing[0]}" if missing else None

    def _root(self, folder: Path | None) -> Path:
        if folder is None and not all(Path(file.path).is_absolute() for file in self.files.values()):
            raise ZooError(
                f"task {self.name!r} is read from files; give the folder (--data DIR) that holds {self._layout}"
            )
        folder = folder or Path()
        if not folder.is_dir():
            raise ZooError(f"there is no folder {folder}; task {self.name!r} needs one that holds {self._layout}")
        return folder

    @property
    def _layout(self) -> str:
        return ", ".join(file.path + " (optional)" * file.optional for file in self.files.values())


def _path(folder: Path, file: SplitFile) -> Path | None:
    """Where a file is: in the folder, which may be that of its path, or directly below it, where benchmarks lie side by
    side.

    Raises ZooError if it lies in several of the folders below.
    """
    places = tuple(dict.fromkeys((file.path, *file.also)))
    roots = (folder, *((folder.resolve().parent,) if folder.resolve().name == Path(file.path).parent.name else ()))
    found = [root / place for root in roots for place in places if (root / place).is_file()]
    if found or Path(file.path).is_absolute():
        return next(iter(found), None)
    below = [path for place in places for path in _below(folder, place)]
    if len(below) > 1:
        raise ZooError(f"{below[0]} and {below[1]} are both there; give the folder of one of them as --data DIR")
    return next(iter(below), None)


def _below(folder: Path, place: str) -> list[Path]:
    return [parent / place for parent in sorted(folder.iterdir()) if (parent / place).is_file()]


def _folder_hint(folder: Path, file: SplitFile) -> str:
    there = next((place for place in (file.path, *file.also) if (folder / Path(place).name).is_file()), None)
    name = there and Path(there).name
    return f"; {name} is read from a folder that is called {Path(there).parent}" if there else ""
