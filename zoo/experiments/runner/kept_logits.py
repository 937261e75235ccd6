"""Logits of a fine-tuned model that several jobs of a run ask for, kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from zoo.core.files import make_folder, write_bytes
from zoo.experiments.plan.job import slug
from zoo.experiments.plan.planned import hash_json
from zoo.experiments.runner.context import JobContext
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem
from zoo.weights.checkpoint import weights_hash


def file_of(work: JobContext, model: Model) -> Path:
    """Where a model's logits on a job's task are kept."""
    known_by = f"{slug(str(work.job.task))}-{weights_hash(model.state_dict())[:16]}"
    return work.shared / "logits" / f"{known_by}.safetensors"


class KeptLogits:
    """A model's logits of groups of items, found in a file or asked for and kept there.

    A group is known by its tokens and spans, in order: what is found has the bits that the model would give again.
    """

    def __init__(self, ask: Callable[[Sequence[EncodedItem]], list[Tensor]], file: Path | None) -> None:
        self._ask, self._file = ask, file
        self._known, self._new = _read(file), False

    def of(self, items: Sequence[EncodedItem]) -> list[Tensor]:
        """The logits of each item, on the CPU."""
        values = _content(items)
        shapes = f"{values}-shapes"
        if not {values, shapes} <= self._known.keys():
            found, self._new = [each.cpu() for each in self._ask(items)], True
            self._known[values] = torch.cat([each.flatten() for each in found])
            self._known[shapes] = torch.tensor([each.shape for each in found])
        its = self._known[shapes].tolist()
        pieces = torch.split(self._known[values], [torch.Size(shape).numel() for shape in its])
        return [piece.view(shape) for piece, shape in zip(pieces, its, strict=True)]

    def keep(self) -> None:
        """Write what is new, beside what other jobs have written since."""
        if self._file is not None and self._new:
            make_folder(self._file.parent)
            write_bytes(self._file, save(_read(self._file) | self._known))


def _read(file: Path | None) -> dict[str, Tensor]:
    try:
        return load(file.read_bytes()) if file is not None and file.is_file() else {}
    except (OSError, SafetensorError):  # what is damaged is asked for again
        return {}


def _content(items: Sequence[EncodedItem]) -> str:
    """A SHA-256 over what a model reads of items, by item: the tokens, and the places of their spans."""
    return hash_json([[_read_of(part) for part in item.parts] for item in items])


def _read_of(part: EncodedItem) -> list[list[int]]:
    arrays = [array for each in part.encodings for array in (each.ids, each.segments)]
    return [array.tolist() for array in (*arrays, part.places) if array is not None]
