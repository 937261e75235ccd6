"""Checkpoints of a run: written whole or not at all, the last few kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import JsonValue

from zoo.core.errors import ZooError
from zoo.core.files import sweep, write_folder
from zoo.core.interfaces import Tokenizer
from zoo.model import Model
from zoo.train.distributed import Distributed
from zoo.train.state import (
    TrainingState,
    load_optimizer,
    optimizer_tensors,
    read_progress,
    save_state,
    write_progress,
)
from zoo.weights.checkpoint import load_weights, save_checkpoint
from zoo.weights.provenance import write_provenance
from zoo.weights.safetensors_files import open_safetensors

SHARDS = "shards"
"""The folder of a checkpoint's shards: safetensors files, which hold no code."""


class Checkpoints:
    """A folder of checkpoints, each called by its step."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep

    def found(self) -> list[Path]:
        """The checkpoints that are there, the newest first."""
        return sorted(self.folder.glob("step-*"), reverse=True)

    def save(
        self,
        model: Model,
        optimizer: torch.optim.Optimizer,
        tokenizer: Tokenizer,
        state: TrainingState,
        provenance: Mapping[str, JsonValue],
        is_main_process: bool,
    ) -> Path:
        """Write a checkpoint, then remove those that are too old; all processes call, and the main one writes.

        Raises RunFailed if the disk refuses; the earlier checkpoints are then untouched.
        """
        tensors = optimizer_tensors(model, optimizer)
        place = self.folder / f"step-{state.step:010d}"
        if is_main_process:
            self._make_room()

            def more(new: Path) -> None:
                save_state(new, tensors, state)
                write_provenance(new, provenance)

            save_checkpoint(place, model.variant, model, tokenizer, more)
            self._remove_old()
        return place

    def save_sharded(
        self,
        model: Model,
        optimizer: torch.optim.Optimizer,
        state: TrainingState,
        provenance: Mapping[str, JsonValue],
        distributed: Distributed,
    ) -> Path:
        """The same of a model that is divided: each process writes what it has. Raises as `save` does."""
        from zoo.train.sharding import save_shards  # its imports take half a second

        place = self.folder / f"step-{state.step:010d}"
        shards = self.folder / f".{place.name}.{SHARDS}.part"
        if distributed.is_main_process:
            self._make_room()
        distributed.barrier()
        save_shards(shards, model, optimizer)
        distributed.barrier()
        if distributed.is_main_process:

            def fill(new: Path) -> None:
                shards.rename(new / SHARDS)
                write_progress(new, state)
                write_provenance(new, provenance)

            write_folder(place, fill)
            self._remove_old()
        return place

    def _make_room(self) -> None:
        self.folder.mkdir(exist_ok=True)
        sweep(self.folder)

    def _remove_old(self) -> None:
        for old in self.found()[self.keep :]:
            shutil.rmtree(old)

    def restore(self, model: Model, optimizer: torch.optim.Optimizer) -> tuple[TrainingState | None, list[str]]:
        """Go back to the newest checkpoint that can be read, and tell why newer ones could not.

        Raises ZooError if there are checkpoints, and none can be read.
        """
        complaints: list[str] = []
        for place in self.found():
            try:
                state = read_progress(place)
                _load(place, model, optimizer)
                return state, complaints
            except ZooError as error:
                complaints.append(str(error))
        if complaints:
            raise ZooError(f"no checkpoint in {self.folder} can be read: {complaints[0]}")
        return None, []


def _load(place: Path, model: Model, optimizer: torch.optim.Optimizer) -> None:
    """Fill a model and its optimizer with a checkpoint, in shards or not. Raises ZooError if it cannot be read."""
    if (place / SHARDS).is_dir():
        from zoo.train.sharding import load_shards

        load_shards(place / SHARDS, model, optimizer)
        return
    if hasattr(model, "unshard"):
        raise ZooError(f"{place} was written without --fully-shard; leave that out, or give another --out")
    load_weights(model, open_safetensors(place))
    load_optimizer(place, model, optimizer)
