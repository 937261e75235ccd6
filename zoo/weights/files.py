"""The files of a folder, each read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.core.errors import ZooError
from zoo.core.files import irregular, read_regular
from zoo.core.json_files import LARGEST, parse_array, parse_object

CONFIG = "config.json"


@dataclass(frozen=True)
class FolderFiles:
    """The files of a folder. An absent one counts as empty; a broken one raises ZooError when it is read."""

    path: Path
    _contents: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)
    _objects: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _folders: dict[str, FolderFiles] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def holds(self, name: str) -> bool:
        """Whether there is a file of this name. Raises ZooError for anything else, such as a pipe or a dead link."""
        path = self.path / name
        if path.is_file():
            return True
        if path.is_symlink() and not path.exists():
            raise ZooError(f"{path} is a link to a file that is not there; download it again")
        if path.exists():
            raise irregular(path, path.stat().st_mode)
        return False

    def content(self, name: str) -> bytes:
        """The bytes of a file. Raises ZooError if there is none, or far too many."""
        if name not in self._contents:
            self._contents[name] = read_regular(self.path / name, LARGEST)
        return self._contents[name]

    def object(self, name: str) -> Mapping[str, Any]:
        """The JSON object in a file, empty if there is no file. Raises ZooError if it is malformed."""
        if name not in self._objects:
            held = self.holds(name)
            self._objects[name] = parse_object(self.content(name), str(self.path / name)) if held else {}
        return self._objects[name]

    def array(self, name: str) -> list[Any]:
        """The JSON array in a file. Raises ZooError if it is missing or malformed."""
        return parse_array(self.content(name), str(self.path / name))

    def folder(self, name: str) -> FolderFiles:
        """A folder in this one, or this one if the name is empty."""
        return self._folders.setdefault(name, FolderFiles(self.path / name)) if name else self

    def put(self, folder: FolderFiles) -> None:
        """Use a folder that has been read already for the one in this folder."""
        self._folders[folder.path.name] = folder

    @property
    def config(self) -> Mapping[str, Any]:
        """config.json: the model, or a module of it."""
        return self.object(CONFIG)
