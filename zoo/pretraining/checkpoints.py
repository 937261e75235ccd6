"""Checkpoints of a run: written whole or not at all, the last few kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import JsonValue

from zoo.core.errors import ZooError
from zoo.core.files import sweep
from zoo.core.interfaces import Tokenizer
from zoo.model import Model
from zoo.train.state import TrainingState, load_optimizer, optimizer_tensors, read_progress, save_state
from zoo.weights.checkpoint import load_weights, save_checkpoint
from zoo.weights.provenance import write_provenance
from zoo.weights.safetensors_files import open_safetensors


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
            self.folder.mkdir(exist_ok=True)
            sweep(self.folder)

            def more(new: Path) -> None:
                save_state(new, tensors, state)
                write_provenance(new, provenance)

            save_checkpoint(place, model.variant, model, tokenizer, more)
            for old in self.found()[self.keep :]:
                shutil.rmtree(old)
        return place

    def restore(self, model: Model, optimizer: torch.optim.Optimizer) -> tuple[TrainingState | None, list[str]]:
        """Go back to the newest checkpoint that can be read, and tell why newer ones could not.

        Raises ZooError if there are checkpoints, and none can be read.
        """
        complaints: list[str] = []
        for place in self.found():
            try:
                state = read_progress(place)
                load_weights(model, open_safetensors(place))
                load_optimizer(place, model, optimizer)
                return state, complaints
            except ZooError as error:
                complaints.append(str(error))
        if complaints:
            raise ZooError(f"no checkpoint in {self.folder} can be read: {complaints[0]}")
        return None, []
