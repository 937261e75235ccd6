"""Converting between formats, listing what became of each tensor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.checkpoints.reading import inspect, load
from zoo.checkpoints.writing import describe, renamed, save, simplified
from zoo.registry.catalog import Catalog
from zoo.weights.hub import open_folder


@dataclass(frozen=True)
class Moved:
    """A stored tensor under its old name and its new one; None if it was not there before, or is left out."""

    before: str | None
    after: str | None
    shape: tuple[int, ...]
    dtype: str


def convert(
    source: Path | str, target: Path, *, to: Literal["hf", "zoo"], replace: bool = False, catalog: Catalog | None = None
) -> list[Moved]:
    """Write a folder's model in a format, with its metadata, and list what became of each tensor.

    Raises ZooError if the folder cannot be read, or what it holds cannot be expressed in the format.
    """
    catalog = catalog or Catalog.installed()
    folder = open_folder(source)
    contents, entries = inspect(folder, catalog), folder.weights.entries
    model = load(folder, catalog=catalog)
    ours = {renamed(model, name): stored for name, stored in contents.stored.items()}
    after = {name: name for name in ours}
    if to == "hf":
        written = simplified(model)
        kept = {renamed(written, name) for name in written.state_dict()}
        after = describe(written, catalog).names(name for name in ours if name in kept)
    moved = []
    for stored, name in dict.fromkeys((stored, after.get(name)) for name, stored in ours.items()):
        entry = entries[stored]
        moved.append(Moved(stored, name, entry.shape, entry.dtype))
    for stored in sorted(set(entries) - set(ours.values())):
        entry = entries[stored]
        moved.append(Moved(stored, None, entry.shape, entry.dtype))
    save(model, target, to=to, replace=replace, catalog=catalog)
    return moved
