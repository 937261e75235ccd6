"""The name of the variant in a folder: the folder's, or more of its path if that is taken."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from zoo.weights.hub import PREFIX, hub_name

LONGEST = 100

TRAINED = "model"
"""The folder of a trained model, in that of its run."""


def name_of(folder: Path, depth: int = 1) -> str:
    """A folder's name on the hub, or the last `depth` parts of its path, as the name of a variant; one part more where
    the last is what `zoo pretrain` calls every model.
    """
    parts = as_typed(folder).parts[1:]
    name = (hub_name(folder) or "-".join(parts[-depth - (parts[-1:] == (TRAINED,)) :])).removeprefix(PREFIX)
    fit = re.sub(r"[^A-Za-z0-9._+=,:~-]+", "-", name).lstrip("._+=,:~-").rstrip("-") or "checkpoint"
    return fit if len(fit) <= LONGEST else f"{fit[: LONGEST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def as_typed(folder: Path) -> Path:
    """The whole path of a folder, by the links that lead to it: who made a link chose its name."""
    return Path(os.path.abspath(folder))


def told_apart(folders: Iterable[Path]) -> dict[Path, str]:
    """A name for each of several whole paths of folders: as much of the end of the path as makes it unique."""
    depths = dict.fromkeys(folders, 1)
    deepest = max((len(folder.parts) for folder in depths), default=1)
    for _ in range(deepest):
        names = {folder: name_of(folder, depth) for folder, depth in depths.items()}
        counts = Counter(names.values())
        depths = {folder: depth + (counts[names[folder]] > 1) for folder, depth in depths.items()}
    return {folder: name_of(folder, depth) for folder, depth in depths.items()}
