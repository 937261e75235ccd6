"""Inference in batches as a device handles them well: made while it computes, and fetched a batch later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from zoo.core.batch import Batch
from zoo.core.prefetch import prefetch
from zoo.core.specs import Dims
from zoo.text.collate import Sequences
from zoo.text.encoding import BATCH_TOKENS, batches_by_length

MOST_TOKENS = 65_536
"""Tokens that keep a large GPU busy for longer than its CPU takes to launch the kernels of the next batch."""

SHARE_OF_MEMORY = 0.25
"""Of what is free, what the tensors of a batch may take."""

AHEAD = 2
"""Batches that wait on the CPU for a GPU."""

Make: TypeAlias = Callable[[list[int]], Batch]
Work: TypeAlias = Callable[[Batch], Tensor]
Mapped: TypeAlias = Iterator[tuple[list[int], Batch, Tensor]]
"""Batch by batch, which sequences it has, in its order, and what was computed of it, on the CPU."""


def tokens_at_once(device: torch.device, bytes_per_token: int) -> int | None:
    """The tokens of a batch on a GPU, a power of two by its free memory, so that equal GPUs make equal batches; None
    elsewhere.
    """
    if device.type != "cuda":
        return None
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    fits = int(SHARE_OF_MEMORY * (torch.cuda.mem_get_info(device)[0] + cached)) // bytes_per_token
    return max(BATCH_TOKENS, min(MOST_TOKENS, 1 << max(0, fits.bit_length() - 1)))


def bytes_per_token(dims: Dims) -> int:
    """What a token takes in a layer without gradients: twice the inner width, and a few times the hidden one."""
    return 4 * (2 * (dims.ffn_width or 4 * dims.hidden_width) + 8 * dims.hidden_width)


def mapped(
    sequences: Sequences, work: Work, device: torch.device, batch_size: int | None, n_tokens: int | None
) -> Mapped:
    """Sequences in batches of like lengths, as `batches_by_length` makes them, through `work`."""
    chunks = batches_by_length(sequences.lengths, batch_size, n_tokens)
    for indices, batch, found in computed(chunks, sequences.batch, work, device):
        yield [indices[place] for place in batch.order], batch, found


def computed(
    chunks: Iterable[list[int]], make: Make, work: Work, device: torch.device
) -> Iterator[tuple[list[int], Batch, Tensor]]:
    """For each chunk of indices, its batch on the device and what was computed of it, on the CPU.

    A GPU gets the next batch before the last one's results are fetched; a batch that does not fit into its memory is
    halved. Raises torch.OutOfMemoryError if a single sequence does not fit.
    """
    on_gpu = device.type == "cuda"
    batches = ((chunk, make(chunk)) for chunk in chunks)
    waiting: deque[_Computed] = deque()
    for chunk, batch in prefetch(batches, AHEAD) if on_gpu else batches:
        for done in _in_parts(chunk, batch, make, work, device):
            waiting.append(done)
            if len(waiting) > on_gpu:
                yield waiting.popleft().fetched()
    yield from (done.fetched() for done in waiting)


@dataclass(frozen=True)
class _Computed:
    """A batch whose results are on their way."""

    chunk: list[int]
    batch: Batch
    results: Tensor
    arrived: torch.cuda.Event | None

    def fetched(self) -> tuple[list[int], Batch, Tensor]:
        if self.arrived is not None:
            self.arrived.synchronize()
        return self.chunk, self.batch, self.results


def _in_parts(chunk: list[int], batch: Batch, make: Make, work: Work, device: torch.device) -> Iterator[_Computed]:
    """The chunk, in halves of halves if memory runs out."""
    try:
        sent = batch.to(device)
        yield _Computed(chunk, sent, *_sent_back(work(sent)))
        return
    except torch.OutOfMemoryError:
        if len(chunk) == 1:
            raise
    torch.cuda.empty_cache()
    for half in (chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]):
        yield from _in_parts(half, make(half), make, work, device)


def _sent_back(results: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Results on the way to the CPU, and when they are there."""
    if not results.is_cuda:
        return results.cpu(), None
    arriving, arrived = results.to("cpu", non_blocking=True), torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()
    return arriving, arrived
