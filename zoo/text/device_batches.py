"""Inference in batches as a device handles them well: made while it computes, and fetched a batch later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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
    model: nn.Module,
    hidden: Work,
    dims: Dims,
    sequences: Sequences,
    function: Function,
    device: torch.device,
    batch_size: int | None,
) -> Mapped:
    """A function of a model's hidden states of sequences, in batches of `batch_size`, or as the device handles them
    well.
    """
    n_tokens = tokens_at_once(device, bytes_per_token(dims))
    least = max(n_tokens or 0, LEAST_TOKENS)  # so many that layers are fused, of which recordings may be
    many = n_tokens is not None and batch_size is None and tokens_up_to(sequences, least) >= least
    repeated = repeated_for(model, device) if many else None
    if n_tokens and repeated:
        return mapped_again(sequences, hidden, function, repeated, n_tokens, dims.max_length)
    hidden = in_few_shapes(hidden, dims.max_length)
    return mapped_by_length(sequences, hidden, function, device, batch_size, n_tokens or tokens_on_cpu(dims))


def mapped_by_length(
    sequences: Sequences,
    hidden: Work,
    function: Function,
    device: torch.device,
    batch_size: int | None,
    n_tokens: int | None,
) -> Mapped:
    """A function of the hidden states of sequences, in batches of like lengths, as `batches_by_length` makes them."""
    chunks = batches_by_length(sequences.lengths, batch_size, n_tokens)
    work = lambda batch: function(hidden(batch), batch)  # noqa: E731
    done = computed(chunks, sequences.batch, work, device)
    return (([its[place] for place in batch.order], batch, found) for its, batch, found in done)


def mapped_again(
    sequences: Sequences, hidden: Work, function: Function, repeated: Repeated, n_tokens: int, longest: int
) -> Mapped:
    """The same in batches that are repeated; none has sequences of more than `longest` tokens."""

    def make(chunk: list[int]) -> Shipment:
        return repeated.shipment(sequences.batch(chunk), n_tokens, longest)

    def work(shipment: Shipment) -> Arriving:
        with repeated.alone:
            return _sent_back(function(*repeated.hidden(hidden, shipment)))

    chunks = (list(range(*places)) for places in in_order(sequences.each_length(), n_tokens))
    done = _computed(chunks, make, work, on_gpu=True, relieve=repeated.forget)
    return (([its[place] for place in sent.batch.order], sent.batch, found) for its, sent, found in done)


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
    chunks: Iterable[list[int]],
    make: Callable[[list[int]], Made],
    work: Callable[[Made], Arriving],
    *,
    on_gpu: bool,
    relieve: Callable[[], None] = lambda: None,
) -> Iterator[tuple[list[int], Made, Tensor]]:
    """The same for whatever is made of a chunk, which for a GPU begins at once; what can `relieve` memory is called
    where it runs out.
    """
    batches = ((chunk, make(chunk)) for chunk in chunks)
    fed = prefetch(batches, AHEAD) if on_gpu else batches
    waiting: deque[_Computed[Made]] = deque()

    def in_parts(chunk: list[int], made: Made) -> Iterator[_Computed[Made]]:
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

    def results() -> Iterator[tuple[list[int], Made, Tensor]]:
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
class _Computed(Generic[Made]):
    """A batch whose results are on their way."""

    chunk: list[int]
    made: Made
    results: Tensor
    arrived: torch.cuda.Event | None

    def fetched(self) -> tuple[list[int], Made, Tensor]:
        if self.arrived is not None:
            self.arrived.synchronize()
        return self.chunk, self.made, self.results


def _sent_back(results: Tensor) -> Arriving:
    if not results.is_cuda:
        return results.cpu(), None
    arriving, arrived = results.to("cpu", non_blocking=True), torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()
    return arriving, arrived
