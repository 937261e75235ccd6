"""What of a checkpoint's folder can change a result."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zoo.errors import ZooError
from zoo.weights.hub import FILES
from zoo.weights.provenance import PROVENANCE
from zoo.weights.store import Store

READ = (*FILES, "special_tokens_map.json", "added_tokens.json", "modules.json", "*_config.json", "*/config.json")
"""The files that a model and its tokenizer are read from, those of sentence encoders too."""


def content_files(store: Store) -> dict[str, str]:
    """The SHA-256 of each file that is read of a folder, by its path there. Raises ZooError where one cannot be read.

    Of the weights, those in the store's files; not how the model came to be, which changes nothing.
    """
    folder = store.folder
    beside = {path for pattern in READ for path in folder.glob(pattern) if path.suffix != ".safetensors"}
    found = {*store.files.values(), *beside} - {folder / PROVENANCE}
    return {path.relative_to(folder).as_posix(): _hash(path) for path in sorted(found) if path.is_file()}


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ZooError(f"{path}: {error.strerror}") from None
