"""Checkpoints by their name on the Hugging Face hub; needs the extra `encoder-zoo[hub]`.

Wherever a folder is accepted, `hub:OWNER/NAME@REVISION` means that revision's folder in the hub's cache.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from zoo.core.errors import ZooError
from zoo.weights.folder import FILES, CheckpointFolder
from zoo.weights.sentence import model_folder

PREFIX = "hub:"
LATEST = "main"
_NAME = re.compile(r"hub:(?P<repository>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")
_SNAPSHOT = re.compile(r"models--(?P<repository>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})")


def is_hub_name(name: str) -> bool:
    """Whether a name is one of the hub's; with exchanges after it, it is not."""
    return name.startswith(PREFIX) and "+" not in name


def folder_named(name: Path | str) -> Path:
    """The folder with the model at a path or of a name on the hub. Raises ZooError if the hub has none."""
    return model_folder(fetch(name) if isinstance(name, str) and name.startswith(PREFIX) else Path(name))


def open_folder(name: Path | str | CheckpointFolder) -> CheckpointFolder:
    """The same folder as a CheckpointFolder; an open one is returned as it is. Raises like `folder_named`."""
    return name if isinstance(name, CheckpointFolder) else CheckpointFolder(folder_named(name))


def hub_name(folder: Path) -> str | None:
    """The name that fetches a folder again, hub:OWNER/NAME@COMMIT, if it lies in the hub's cache."""
    found = _SNAPSHOT.fullmatch("/".join(folder.absolute().parts[-3:]))
    return f"{PREFIX}{found['repository'].replace('--', '/')}@{found['commit']}" if found else None


@cache  # within a process, a name always means the same commit
def fetch(name: str) -> Path:
    """The folder of hub:OWNER/NAME@REVISION in the hub's cache, fetched if needed; the latest revision by default. The
    folder is named after the commit. Raises ZooError if the name is not found, or huggingface_hub is not installed.
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise ZooError(f"{name!r} is not a name on the hub; write hub:OWNER/NAME@REVISION")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ZooError(
            "names on the hub need huggingface_hub; install it with: pip install 'encoder-zoo[hub]'"
        ) from None
    try:
        place = snapshot_download(found["repository"], revision=found["revision"] or LATEST, allow_patterns=list(FILES))
    except (OSError, ValueError) as error:  # huggingface_hub raises these or their subclasses
        reason = str(error).strip().split("\n")[0]
        raise ZooError(f"cannot download {name}: {type(error).__name__}: {reason}") from None
    return Path(place)
