"""Steps recorded as CUDA graphs: one launch in place of thousands where small kernels leave a GPU waiting."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from zoo.blocks.kernels import note_kernel
from zoo.core.batch import Batch, Origin
from zoo.core.layout import Unread, Unrecordable
from zoo.core.parcel import Contents, Parcel, opened
from zoo.core.specs import Recipe
from zoo.model import Model
from zoo.train.buckets import into_bucket, takes_buckets
from zoo.train.readings import NORM, Number, Reading
from zoo.train.step import StepConfig, Stepper, Tally

MOST_GRAPHS = 48
"""So many shapes are recorded; steps of others are launched kernel by kernel."""

Work: TypeAlias = Callable[[], Tensor]
Shape: TypeAlias = tuple[Contents, tuple[int, ...], int]
"""What a step's tensors are; the lengths, if they are all the same; how many sequences fill it up."""

log = logging.getLogger("zoo")


class Recorder(Protocol):
    """Records work, which is not done meanwhile, and gives what does it again."""

    def __call__(self, work: Work, generators: Sequence[torch.Generator]) -> Work: ...


class CudaRecorder:
    """Records CUDA graphs, which share their memory, as they run one after the other."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Work, generators: Sequence[torch.Generator]) -> Work:
        """The numbers that work leaves are overwritten by the next graph."""
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, pool=self._pool):
            left = work()

        def repeat() -> Tensor:
            graph.replay()
            return left

        return repeat


@dataclass
class Recorded:
    """A recorded step: the buffer that it reads, what it leaves, and the names of that."""

    buffer: Tensor
    repeat: Work
    names: list[Number] = field(default_factory=list)


class RecordedStepper(Stepper):
    """Takes steps like any other; from the second of a shape on, by repeating a recording.

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
        self.recorder: Recorder | None = recorder or CudaRecorder()
        self.fills_up = takes_buckets(model) and how.n_micro_batches == 1
        self.tables: dict[bool, set[str]] = {True: set(), False: set()}
        self.makers: dict[str, Callable[[Batch], Tensor]] = {}
        self.seen: set[Shape] = set()
        self.proven: set[bool] = set()
        self.recorded: dict[Shape, Recorded] = {}
        if how.n_micro_batches > 1:
            self.recorder = None
        for group in optimizer.param_groups:
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32).to(self.device)
            if "capturable" in group:
                group["capturable"] = self.device.type == "cuda"

    def take(self, batch: Batch, index: int, where: str) -> Reading:
        """One step: repeated if its shape was recorded, recorded if it was seen."""
        if self.fills_up:
            batch = into_bucket(batch, self.model.variant.dims.max_length)
        if self.recorder is None:
            return super().take(batch, index, where)
        parcel = self._parcel(batch)
        shape = self._shape(batch, parcel.contents)
        if shape in self.seen and batch.layout.is_rectangle not in self.proven:
            return self._watched(batch, index, where)
        if shape in self.seen and shape not in self.recorded and len(self.recorded) < MOST_GRAPHS:
            self._record(batch, parcel, shape)
        if shape in self.recorded:
            return self._repeat(self.recorded[shape], batch, parcel, index, where)
        self.seen.add(shape)
        return super().take(batch, index, where)

    def send(self, batch: Batch) -> Batch:
        """A batch on the device, which notes what is asked of it."""
        return batch.send_to(self.device)

    def forward_and_backward(self, batch: Batch, shares: Mapping[str, float], tally: Tally, *place: int) -> None:
        """As always; and learn what is asked of a batch, to send it the next time."""
        super().forward_and_backward(batch, shares, tally, *place)
        if batch.origin is not None and not batch.origin.complete:
            self.tables[batch.layout.is_rectangle] |= set(batch.layout.tables)
            self.makers |= batch.origin.makers

    def _watched(self, batch: Batch, index: int, where: str) -> Reading:
        """A step as usual, to find what waits for the device: a recording that breaks off there leaves a mess."""
        with waits_noticed(self.device) as waits:
            reading = super().take(batch, index, where)
        if waits:
            self._give_up(waits[0])
        self.proven.add(batch.layout.is_rectangle)
        return reading

    def _give_up(self, reason: str) -> None:
        self.recorder = None
        log.warning("steps are not recorded as CUDA graphs: %s", reason.strip().split("\n")[0])

    def _parcel(self, batch: Batch) -> Parcel:
        """All that a step reads."""
        layout, tensors = batch.layout, batch.tensors()
        tensors |= {f"layout/{name}": getattr(layout, name) for name in sorted(self.tables[layout.is_rectangle])}
        tensors |= {f"made/{name}": make(batch) for name, make in self.makers.items()}
        return Parcel.of(tensors, pinned=self.device.type == "cuda")

    def _shape(self, batch: Batch, contents: Contents) -> Shape:
        layout = batch.layout
        return contents, layout.lengths if layout.is_rectangle else (layout.room, layout.longest), batch.n_filling

    def _record(self, batch: Batch, parcel: Parcel, shape: Shape) -> None:
        """Record the step of a batch's shape; if that fails, record none any more, and say so."""
        assert self.recorder is not None
        buffer = parcel.buffer.to(self.device)
        static = _fixed(batch, opened(parcel.contents, buffer), self.device)
        made = Recorded(buffer, lambda: torch.empty(0))

        def work() -> Tensor:
            tally = Tally()
            self.forward_and_backward(static, {}, tally, 0, 0)
            norm = self.clip()
            self.update()
            made.names = [*tally.names, *([] if norm is None else [NORM])]
            numbers = [tally.numbers(), *([] if norm is None else [norm.double().view(1)])]
            return torch.cat(numbers)

        try:
            made.repeat = self.recorder(work, self.draws.generators)
        except (Unrecordable, RuntimeError) as error:
            self.optimizer.zero_grad(set_to_none=True)
            self._give_up(str(error))
        else:
            self.recorded[shape] = made
            note_kernel("CUDA graph")

    def _repeat(self, recorded: Recorded, batch: Batch, parcel: Parcel, index: int, where: str) -> Reading:
        """A recorded step on the tensors of another batch."""
        self.model.check(batch)
        recorded.buffer.copy_(parcel.buffer, non_blocking=True)
        self.draws.reseed(index, 0)
        reading = Reading(self.readings, where)
        self.readings.add(reading, recorded.names, recorded.repeat().clone())
        return reading


@contextmanager
def waits_noticed(device: torch.device) -> Iterator[list[str]]:
    """Inside, note the code that waits for a GPU, by file and line."""
    waits: list[str] = []
    if device.type != "cuda":
        yield waits
        return
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield waits
        finally:
            torch.cuda.set_sync_debug_mode("default")
    for warning in seen:
        if "called a synchronizing" in str(warning.message):  # torch also warns that the mode is a prototype
            waits.append(f"{warning.filename}:{warning.lineno} waits for the device")
        elif "Synchronization debug mode" not in str(warning.message):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _fixed(batch: Batch, tensors: dict[str, Tensor], device: torch.device) -> Batch:
    """A batch whose tensors are those of a buffer, and of which nothing else may be read than its shape."""
    sent = batch.with_tensors({name: value for name, value in tensors.items() if not name.startswith("made/")}, device)
    made = {name.removeprefix("made/"): value for name, value in tensors.items() if name.startswith("made/")}
    sent = replace(sent, layout=sent.layout.of_shape())
    origin = Origin(batch, sent.tensors(), made, complete=True)
    return replace(sent, order=Unread(), documents=Unread(), items=Unread(), origin=origin)
