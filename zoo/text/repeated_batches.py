"""Hidden states of many batches on a GPU: computed once for each shape, then repeated as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeAlias
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from zoo.blocks.attention import attentions_are_kept
from zoo.blocks.kernels import kernels_taken, note_kernel
from zoo.core.batch import SENT, Batch
from zoo.core.filling import filled
from zoo.core.parcel import Parcel, opened
from zoo.core.recording import CudaRecorder, Recorded, Recorder, Recordings
from zoo.text.collate import Sequences

MOST_GRAPHS = 16
"""So many shapes are recorded."""

PARTS = 8
"""Batches are filled up to multiples of this part of a full one."""

STEP = 256
"""Their numbers of sequences are multiples of this."""

SPARE = 2 * STEP
"""Tokens that are kept free for the sequences that fill a batch up."""

Hidden: TypeAlias = Callable[[Batch], Tensor]


@dataclass(frozen=True)
class Shipment:
    """A batch of the CPU, the same filled up to a shape, and all that is read of that."""

    batch: Batch
    filled: Batch
    parcel: Parcel


class Repeated:
    """What computes the hidden states of batches again and again.

    Batches take sequences in the order given: packed attention does not need equal lengths, and the shapes of batches
    return. Attention that pads does, and its batches are not repeated.
    """

    def __init__(self, device: torch.device, recorder: Recorder | None = None) -> None:
        self.device, self._given = device, recorder
        self.alone = Lock()
        """Held while a batch is computed and read: the next one's is written to the same place, by whatever thread."""
        self.pads: bool | None = None
        """Whether a batch had to be padded; None until one was computed."""
        self._state: Hashable = None
        self._recordings: Recordings

    def begin(self, model: nn.Module) -> bool:
        """Whether batches can be repeated now. What was recorded is dropped if the model's weights are elsewhere, or
        its modules are of other types.
        """
        tensors = [*model.parameters(), *model.buffers()]
        state = (*(tensor.data_ptr() for tensor in tensors), *map(type, model.modules()))
        if state != self._state:
            self._state, self.pads = state, None
            self.forget()
        return not self.pads and not attentions_are_kept() and not any(map(_has_hooks, model.modules()))

    def forget(self) -> None:
        """Drop what was recorded, and its memory."""
        self._recordings = Recordings(self.device, self._given or CudaRecorder(), "batches", MOST_GRAPHS)

    def shipment(self, batch: Batch, n_tokens: int, most: int) -> Shipment:
        """A batch filled up to `n_tokens`; no sequence has more than `most`. May be called in a thread."""
        full = _filled(batch, n_tokens, most)
        return Shipment(batch, full, self._recordings.parcel(full))

    def hidden(self, compute: Hidden, shipment: Shipment) -> tuple[Tensor, Batch]:
        """The hidden states [T, H] of a batch, and the batch on the device."""
        full, parcel = shipment.filled, shipment.parcel
        if not self._recordings.is_whole(full, parcel):
            parcel = self._recordings.parcel(full)
        made = self._recordings.of(full, parcel, self._recording(compute))
        if made is not None:
            hidden, sent = made.on(parcel), full.with_tensors(opened(parcel.contents, made.buffer), self.device)
            for name in made.names:
                note_kernel(name)
        else:
            with self._recordings.usual(full, parcel), kernels_taken() as names:
                sent = full.send_to(self.device)
                hidden = compute(sent)
            self._recordings.learn(sent)
            self.pads = bool(self.pads) or "padded sdpa" in names
        return hidden[: shipment.batch.layout.n_tokens], _without_filling(sent, shipment.batch)

    def _recording(self, compute: Hidden) -> Callable[[Batch, Recorded], Tensor]:
        def work(batch: Batch, made: Recorded) -> Tensor:
            uncached = torch.autocast(
                self.device.type,
                torch.get_autocast_dtype(self.device.type),
                _autocasts(self.device),
                cache_enabled=False,  # what is cached goes when autocast ends, and the recording stays
            )
            with kernels_taken() as names, uncached:
                hidden = compute(batch)
            made.names = ["CUDA graph", *sorted(names)]
            return hidden

        return work


def repeated_for(model: nn.Module, device: torch.device) -> Repeated | None:
    """What repeats a model's batches; None where they cannot be."""
    if device.type != "cuda":
        return None
    precision = torch.get_autocast_dtype(device.type) if _autocasts(device) else torch.float32
    found = _by_model.setdefault(model, {}).setdefault(precision, Repeated(device))
    return found if found.begin(model) else None


_by_model: WeakKeyDictionary[nn.Module, dict[torch.dtype, Repeated]] = WeakKeyDictionary()
"""By model and precision: threads may differ in it."""


def in_order(windows: Iterable[Sequences], n_tokens: int) -> Iterator[Sequences]:
    """The sequences of each batch: as many in order as fit into `n_tokens` with those that fill it up, one at least;
    at first into a part of that, then twice as much each time, so that a GPU has work soon.
    """
    size, left = max(n_tokens // PARTS, 4 * SPARE), Sequences([])
    for window in windows:
        both = left.followed_by(window)
        if both is None:  # they can't be in one batch
            yield left
            both = window
        start = held = 0
        for stop, length in enumerate(both.each_length()):
            if held + length > min(size, n_tokens) - SPARE and stop > start:
                yield both[start:stop]
                start, held, size = stop, 0, 2 * size
            held += length
        left = both[start:]
    if len(left):
        yield left


def _filled(batch: Batch, n_tokens: int, most: int) -> Batch:
    """A batch with sequences added up to one of few numbers of tokens, and of sequences; as it is if that can't be."""
    layout, step = batch.layout, max(SPARE, n_tokens // PARTS)
    missing = -(-(layout.n_tokens + SPARE) // step) * step - layout.n_tokens
    room = max(layout.longest, min(1 << (layout.longest - 1).bit_length(), most))
    needed = layout.n_sequences + -(-missing // room)
    n_added = -(-needed // STEP) * STEP - layout.n_sequences
    if n_added > missing:
        return batch
    # How many were added differs, so it is no part of the shape: what they give is cut off, not masked.
    return replace(filled(batch, n_added, layout.n_tokens + missing, room), n_filling=0)


def _without_filling(sent: Batch, batch: Batch) -> Batch:
    """A batch of which a larger one was sent: its tensors are the beginnings of those."""
    n_tokens, n_sequences = batch.layout.n_tokens, batch.layout.n_sequences
    lengths = {"layout/sizes": n_sequences, "layout/starts": n_sequences, "layout/ends": n_sequences + 1}
    tensors = sent.tensors() | {f"layout/{name}": getattr(sent.layout, name) for name in SENT}
    return batch.with_tensors(
        {name: its[: lengths.get(name, n_tokens)] for name, its in tensors.items()}, sent.ids.device
    )


def _autocasts(device: torch.device) -> bool:
    return torch.is_autocast_enabled(device.type)


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)
