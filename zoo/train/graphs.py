"""Steps recorded as CUDA graphs: one launch in place of thousands where small kernels leave a GPU waiting."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from zoo.blocks.kernels import note_kernel
from zoo.core.batch import Batch
from zoo.core.parcel import Parcel
from zoo.core.recording import CudaRecorder, Recorded, Recorder, Recordings
from zoo.core.specs import Recipe
from zoo.model import Model
from zoo.train.buckets import into_bucket, takes_buckets
from zoo.train.readings import NORM, Reading
from zoo.train.step import StepConfig, Stepper, Tally

MOST_GRAPHS = 48
"""So many shapes are recorded; steps of others are launched kernel by kernel."""


class RecordedStepper(Stepper):
    """Takes steps like any other; from the third of a shape on, by repeating a recording.

    Batches are filled up to few shapes where that changes nothing. All that depends on their lengths is made on the CPU
    and sent with them, into the buffer that the recording reads. What cannot be recorded is launched as usual, with the
    same bits.
    """

    def __init__(
        self,
        model: Model,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        how: StepConfig,
        recorder: Recorder | None = None,
    ) -> None:
        super().__init__(model, optimizer, recipe, how)
        whole = how.n_micro_batches == 1
        self.recordings = Recordings(self.device, (recorder or CudaRecorder()) if whole else None, "steps", MOST_GRAPHS)
        self.fills_up = takes_buckets(model) and whole
        for group in optimizer.param_groups:
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32).to(self.device)
            if "capturable" in group:
                group["capturable"] = self.device.type == "cuda"

    def take(self, batch: Batch, index: int, where: str) -> Reading:
        """One step: repeated if its shape was recorded."""
        if self.fills_up:
            batch = into_bucket(batch, self.model.variant.dims.max_length)
        if self.recordings.recorder is None:
            return super().take(batch, index, where)
        parcel = self.recordings.parcel(batch)
        recorded = self.recordings.of(batch, parcel, self._work, self.draws.generators)
        if recorded is not None:
            return self._repeat(recorded, batch, parcel, index, where)
        if self.recordings.recorder is None:  # it broke off, and left what it had begun
            self.optimizer.zero_grad(set_to_none=True)
        with self.recordings.usual(batch, parcel):
            return super().take(batch, index, where)

    def send(self, batch: Batch) -> Batch:
        """A batch on the device, which notes what is asked of it."""
        return batch.send_to(self.device)

    def forward_and_backward(self, batch: Batch, shares: Mapping[str, float], tally: Tally, *place: int) -> None:
        """As always; and learn what is asked of a batch, to send it the next time."""
        super().forward_and_backward(batch, shares, tally, *place)
        self.recordings.learn(batch)

    def _work(self, batch: Batch, made: Recorded) -> Tensor:
        """A step to be recorded."""
        note_kernel("CUDA graph")
        tally = Tally()
        self.forward_and_backward(batch, {}, tally, 0, 0)
        norm = self.clip()
        self.update()
        made.names = [*tally.names, *([] if norm is None else [NORM])]
        return torch.cat([tally.numbers(), *([] if norm is None else [norm.double().view(1)])])

    def _repeat(self, recorded: Recorded, batch: Batch, parcel: Parcel, index: int, where: str) -> Reading:
        """A recorded step on the tensors of another batch."""
        self.model.check(batch)
        self.draws.reseed(index, 0)
        reading = Reading(self.readings, where)
        self.readings.add(reading, recorded.names, recorded.on(parcel).clone())
        return reading
