"""What of a checkpoint's folder can change a result."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zoo.core.files import open_regular
from zoo.weights.folder import VARIANT
from zoo.weights.hub import FILES
from zoo.weights.provenance import PROVENANCE
from zoo.weights.store import Store


def content_files(store: Store) -> dict[str, str]:
    """The SHA-256 of each file that is read of a folder, by its path there. Raises ZooError where one cannot be read.

    Of the weights, those in the store's files; not how the model came to be, which changes nothing.
    """
    folder = store.folder
    beside = {path for pattern in FILES for path in folder.glob(pattern) if path.suffix != ".safetensors"}
    found = {*store.files.values(), *beside} - {folder / PROVENANCE}
    return {path.relative_to(folder).as_posix(): _hash(path) for path in sorted(found) if path.is_file()}


def trained_files(store: Store) -> dict[str, str]:
    """The same of a run's own checkpoint, but for its record: that holds names, and is part of the run's result."""
    return {path: found for path, found in content_files(store).items() if path != VARIANT}


def _hash(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
