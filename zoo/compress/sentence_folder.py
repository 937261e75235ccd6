"""Models as folders of the sentence-transformers library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.checkpoints import save
from zoo.core.errors import UnknownName, ZooError
from zoo.core.files import write_folder
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.weights.sentence import POOLINGS, write_sentence_settings


def export_sentence_folder(
    model: Model,
    folder: Path,
    *,
    pool: str | Sequence[str] | None = None,
    normalize: bool = False,
    replace: bool = False,
    catalog: Catalog | None = None,
) -> None:
    """Write an encoder in the Hugging Face format with the files that make it a sentence encoder.

    Without `pool`, one that was loaded from such a folder keeps that folder's settings, and others take the mean of all
    tokens. Raises ZooError if the folder exists, or the model cannot be expressed in the Hugging Face format.
    """
    if not replace and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(f"{folder} exists; give a new name, or allow to replace it")
    keeps = pool is None and not normalize and model.sentence is not None
    poolings = ("mean",) if pool is None else (pool,) if isinstance(pool, str) else tuple(pool)
    for name in poolings:
        if name not in POOLINGS:
            raise UnknownName("pooling", name, POOLINGS)

    def fill(place: Path) -> None:
        save(model, place, catalog=catalog)
        if not keeps:
            dims = model.variant.dims
            write_sentence_settings(place, poolings, dims.hidden_width, dims.max_length, normalize)

    write_folder(folder, fill)
