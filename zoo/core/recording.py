"""Work on batches that is recorded once for each of their shapes, and then done again on the tensors of others."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from zoo.core.batch import SENT, Batch, Origin
from zoo.core.layout import Unread, Unrecordable
from zoo.core.parcel import Contents, Parcel, opened

Work: TypeAlias = Callable[[], Tensor]
Shape: TypeAlias = tuple[Contents, tuple[int, ...], int]
"""What a batch's tensors are; the lengths, if they are all the same; how many sequences fill it up."""

log = logging.getLogger("zoo")


class Recorder(Protocol):
    """Records work, which is not done meanwhile, and gives what does it again."""

    def __call__(self, work: Work, generators: Sequence[torch.Generator]) -> Work: ...


class CudaRecorder:
    """Records CUDA graphs, which share their memory, as they run one after the other."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Work, generators: Sequence[torch.Generator]) -> Work:
        """What work leaves is overwritten by the next graph. Other threads may ask for memory meanwhile."""
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            left = work()

        def repeat() -> Tensor:
            graph.replay()
            return left

        return repeat


@dataclass
class Recorded:
    """Recorded work: the buffer that it reads, what does it again, and names of what it leaves."""

    buffer: Tensor
    repeat: Work = lambda: torch.empty(0)
    names: list[Any] = field(default_factory=list)

    def on(self, parcel: Parcel) -> Tensor:
        """The work on the tensors of another batch."""
        self.buffer.copy_(parcel.buffer, non_blocking=True)
        return self.repeat()


class Recordings:
    """What was recorded for each shape of batches.

    The first batch of a shape is worked on as usual, to learn what is asked of it. What waits for the device cannot be
    recorded, so the second is watched; the third is recorded.
    """

    def __init__(self, device: torch.device, recorder: Recorder | None, what: str, most: int) -> None:
        self.device, self.recorder, self.what, self.most = device, recorder, what, most
        self.recorded: dict[Shape, Recorded] = {}
        self._tables = {True: frozenset(SENT), False: frozenset(SENT)}
        self._makers: dict[str, Callable[[Batch], Tensor]] = {}
        self._seen: set[Shape] = set()
        self._proven: set[bool] = set()

    def parcel(self, batch: Batch) -> Parcel:
        """All that is read of a batch of the CPU."""
        layout, tensors = batch.layout, batch.tensors()
        tensors |= {f"layout/{name}": getattr(layout, name) for name in sorted(self._tables[layout.is_rectangle])}
        tensors |= {f"made/{name}": make(batch) for name, make in self._makers.items()}
        return Parcel.of(tensors, pinned=self.device.type == "cuda")

    def is_whole(self, batch: Batch, parcel: Parcel) -> bool:
        """Whether a parcel has all that is known to be read; more may have been learned since it was made."""
        known = {f"layout/{name}" for name in self._tables[batch.layout.is_rectangle]}
        return {piece.name for piece in parcel.contents} >= known | {f"made/{name}" for name in self._makers}

    def learn(self, batch: Batch) -> None:
        """Remember what was asked of a batch that was sent, to send it the next time."""
        if batch.origin is not None and not batch.origin.complete:
            self._tables[batch.layout.is_rectangle] |= set(batch.layout.tables)
            self._makers = self._makers | batch.origin.makers

    def of(
        self,
        batch: Batch,
        parcel: Parcel,
        work: Callable[[Batch, Recorded], Tensor],
        generators: Sequence[torch.Generator] = (),
    ) -> Recorded | None:
        """The recording for a batch's shape, made if it is time; None if the batch is to be worked on as usual."""
        shape = _shape(batch, parcel.contents)
        proven = batch.layout.is_rectangle in self._proven
        if shape in self._seen and shape not in self.recorded and proven and len(self.recorded) < self.most:
            self._record(batch, parcel, shape, work, generators)
        return self.recorded.get(shape)

    @contextmanager
    def usual(self, batch: Batch, parcel: Parcel) -> Iterator[None]:
        """Inside, a batch is worked on as usual, and watched if its shape was seen."""
        shape, rectangle = _shape(batch, parcel.contents), batch.layout.is_rectangle
        if shape not in self._seen or rectangle in self._proven:
            self._seen.add(shape)
            yield
            return
        with waits_noticed(self.device) as waits:
            yield
        if waits:
            self.give_up(waits[0])
        self._proven.add(rectangle)

    def give_up(self, reason: str) -> None:
        """Record nothing any more, and say why."""
        self.recorder = None
        log.warning("%s are not recorded as CUDA graphs: %s", self.what, reason.strip().split("\n")[0])

    def _record(
        self,
        batch: Batch,
        parcel: Parcel,
        shape: Shape,
        work: Callable[[Batch, Recorded], Tensor],
        generators: Sequence[torch.Generator],
    ) -> None:
        if self.recorder is None:
            return
        made = Recorded(parcel.buffer.to(self.device))
        static = _fixed(batch, opened(parcel.contents, made.buffer), self.device)
        try:
            made.repeat = self.recorder(lambda: work(static, made), generators)
        except (Unrecordable, RuntimeError) as error:
            self.give_up(str(error))
        else:
            self.recorded[shape] = made


def _shape(batch: Batch, contents: Contents) -> Shape:
    layout = batch.layout
    return contents, layout.lengths if layout.is_rectangle else (layout.room, layout.longest), batch.n_filling


def _fixed(batch: Batch, tensors: dict[str, Tensor], device: torch.device) -> Batch:
    """A batch whose tensors are those of a buffer, and of which nothing else may be read than its shape."""
    sent = batch.with_tensors({name: value for name, value in tensors.items() if not name.startswith("made/")}, device)
    made = {name.removeprefix("made/"): value for name, value in tensors.items() if name.startswith("made/")}
    sent = replace(sent, layout=sent.layout.of_shape())
    origin = Origin(batch, sent.tensors(), made, complete=True)
    return replace(sent, order=Unread(), documents=Unread(), items=Unread(), origin=origin)


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
