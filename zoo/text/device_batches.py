"""Inference in batches as a device handles them well: made while it computes, and fetched a batch later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from zoo.blocks.fused import LEAST_TOKENS
from zoo.core.batch import Batch
from zoo.core.filling import in_few_shapes
from zoo.core.prefetch import prefetch
from zoo.core.specs import Dims
from zoo.text.collate import Sequences
from zoo.text.encoding import BATCH_TOKENS, batches_by_length, tokens_on_cpu, tokens_up_to
from zoo.text.repeated_batches import Repeated, Shipment, in_order, repeated_for

MOST_TOKENS = 65_536
"""Tokens that keep a large GPU busy for longer than its CPU takes to launch the kernels of the next batch."""

TRIED = 256
"""Sequences of which a model's first batch on a GPU is made, to see whether its attention pads."""

SHARE_OF_MEMORY = 0.25
"""Of what is free, what the tensors of a batch may take."""

AHEAD = 2
"""Batches that wait on the CPU for a GPU."""

Work: TypeAlias = Callable[[Batch], Tensor]
Mapped: TypeAlias = Iterator[tuple[list[int], Batch, Tensor]]
"""Batch by batch, which sequences it has, in its order, and what was computed of it, on the CPU."""

Function: TypeAlias = Callable[[Tensor, Batch], Tensor]
"""What is computed of the hidden states [T, H] of a batch, and the batch."""

Arriving: TypeAlias = tuple[Tensor, torch.cuda.Event | None]
"""Results on the way to the CPU, and when they are there."""

Made = TypeVar("Made")
Chunk = TypeVar("Chunk", list[int], Sequences)


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
    model: nn.Module, hidden: Work, dims: Dims, windows: Iterable[Sequences], function: Function, device: torch.device
) -> tuple[Iterable[Sequences], Iterator[tuple[Sequences, Batch, Tensor]] | None]:
    """A function of a model's hidden states of windows of sequences, batch after batch without a pause between windows,
    if batches can be repeated and there are enough of them; and the windows that this leaves.

    It leaves most of them where it is not yet known whether attention pads.
    """
    n_tokens = tokens_at_once(device, bytes_per_token(dims))
    if n_tokens is None:
        return windows, None
    first, rest, many = begun(windows, LEAST_TOKENS)
    repeated = repeated_for(model, device) if many else None
    if repeated is None:
        return (prefetch(chain(first, rest), 1) if first else ()), None
    given: Iterable[Sequences] = chain(first, rest)
    left: Iterable[Sequences] = ()
    if repeated.pads is None:
        given, left = [first[0][:TRIED]], chain([first[0][TRIED:]], first[1:], rest)
    return left, mapped_again(given, hidden, function, repeated, n_tokens, dims.max_length)


def begun(windows: Iterable[Sequences], least: int) -> tuple[list[Sequences], Iterator[Sequences], bool]:
    """The first windows, with so many tokens if all have them; the rest; and whether they have."""
    rest, first, n_tokens = iter(windows), [], 0
    while n_tokens < least and (window := next(rest, None)) is not None:
        if len(window):
            first.append(window)
        n_tokens += tokens_up_to(window, least)
    return first, rest, n_tokens >= least


def mapped_by_length(
    sequences: Sequences, hidden: Work, dims: Dims, function: Function, device: torch.device, batch_size: int | None
) -> Mapped:
    """A function of the hidden states of sequences, in batches of like lengths, of `batch_size` or as the device
    handles them well.
    """
    n_tokens = tokens_at_once(device, bytes_per_token(dims)) or tokens_on_cpu(dims)
    hidden = in_few_shapes(hidden, dims.max_length)
    chunks = batches_by_length(sequences.lengths, batch_size, n_tokens)
    work = lambda batch: function(hidden(batch), batch)  # noqa: E731
    done = computed(chunks, sequences.batch, work, device)
    return (([its[place] for place in batch.order], batch, found) for its, batch, found in done)


def mapped_again(
    windows: Iterable[Sequences], hidden: Work, function: Function, repeated: Repeated, n_tokens: int, longest: int
) -> Iterator[tuple[Sequences, Batch, Tensor]]:
    """The same of windows in batches that are repeated, each with sequences that follow each other, in the order given.

    None has more than `longest` tokens.
    """

    def make(some: Sequences) -> Shipment:
        return repeated.shipment(some.batch(), n_tokens, longest)

    def work(shipment: Shipment) -> Arriving:
        with repeated.alone:
            return _sent_back(function(*repeated.hidden(hidden, shipment)))

    done = _computed(in_order(windows, n_tokens), make, work, on_gpu=True, relieve=repeated.forget)
    return ((some, sent.batch, found) for some, sent, found in done)


def computed(
    chunks: Iterable[list[int]], make: Callable[[list[int]], Batch], work: Work, device: torch.device
) -> Mapped:
    """For each chunk of indices, its batch and what was computed of it on the device, on the CPU.

    A GPU gets the next batch before the last one's results are fetched; a batch that does not fit into its memory is
    halved. Raises torch.OutOfMemoryError if a single sequence does not fit.
    """
    done = lambda batch: _sent_back(work(batch.to(device)))  # noqa: E731
    return _computed(chunks, make, done, on_gpu=device.type == "cuda")


def _computed(
    chunks: Iterable[Chunk],
    make: Callable[[Chunk], Made],
    work: Callable[[Made], Arriving],
    *,
    on_gpu: bool,
    relieve: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Chunk, Made, Tensor]]:
    """The same for whatever is made of a chunk, which for a GPU begins at once; what can `relieve` memory is called
    where it runs out.
    """
    batches = ((chunk, make(chunk)) for chunk in chunks)
    fed = prefetch(batches, AHEAD) if on_gpu else batches
    waiting: deque[_Computed[Chunk, Made]] = deque()

    def in_parts(chunk: Chunk, made: Made) -> Iterator[_Computed[Chunk, Made]]:
        try:
            yield _Computed(chunk, made, *work(made))
            return
        except torch.OutOfMemoryError:
            if len(chunk) == 1:
                raise
        relieve()
        torch.cuda.empty_cache()
        for half in (chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]):
            yield from in_parts(half, make(half))

    def results() -> Iterator[tuple[Chunk, Made, Tensor]]:
        try:
            for chunk, made in fed:
                for done in in_parts(chunk, made):
                    waiting.append(done)
                    if len(waiting) > on_gpu:
                        yield waiting.popleft().fetched()
            yield from (done.fetched() for done in waiting)
        finally:
            fed.close()

    return results()


@dataclass(frozen=True)
class _Computed(Generic[Chunk, Made]):
    """A batch whose results are on their way."""

    chunk: Chunk
    made: Made
    results: Tensor
    arrived: torch.cuda.Event | None

    def fetched(self) -> tuple[Chunk, Made, Tensor]:
        if self.arrived is not None:
            self.arrived.synchronize()
        return self.chunk, self.made, self.results


def _sent_back(results: Tensor) -> Arriving:
    if not results.is_cuda:
        return results.cpu(), None
    arriving, arrived = results.to("cpu", non_blocking=True), torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()
    return arriving, arrived
