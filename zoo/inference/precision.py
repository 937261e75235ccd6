"""`--precision auto`: the fastest number format whose error is allowed, found with this model on this machine."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import torch
from torch import Tensor

from zoo.blocks import SelfAttention
from zoo.blocks.onednn import LEAST_TOKENS, computed_in_fp32
from zoo.core.batch import Encoding
from zoo.core.errors import ZooError
from zoo.core.files import make_folder, write_text
from zoo.core.specs import Precision, Record, read_record
from zoo.core.user_cache import cache_folder
from zoo.machine.compute import Compute, refuse_unsupported, synchronize
from zoo.machine.environment import environment
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.text.collate import collate

ALLOWED = 0.0036
"""The largest difference of a vector, by its length. Vectors of BERT-base with random weights have numbers of 0.6 in
the mean, none of which then differs by more than 0.012."""

LEAST_GAIN = 1.2
"""How much faster passes must be for another format to be worth its error."""

N_SEQUENCES, LENGTH, N_PASSES, LEAST_SECONDS = 16, 32, 3, 0.1
"""The sequences of random tokens that are tried, how often at least, and for how long: one pass of a small model tells
little.
"""


class Choice(Record):
    """A number format; whether the output layers of attention stay in fp32 all the same; the error of vectors by their
    length, and how many times as fast passes are as in fp32.

    Of the products of a layer, those cost least for what they add to the error: a twelfth of the operations, and a
    fifth of the error's square in BERT-base.
    """

    precision: Precision
    outputs_in_fp32: bool = False
    error: float = 0.0
    speed: float = 1.0

    def __str__(self) -> str:
        return f"{self.precision}{', outputs of attention in fp32' * self.outputs_in_fp32}"

    @property
    def told(self) -> str:
        """What was chosen, and why."""
        if self.precision == "fp32":
            return f"fp32, as nothing else is {LEAST_GAIN:g} times as fast with an error that is allowed"
        return f"{self}: {self.speed:.1f} times as fast as fp32, vectors differ by {self.error:.2%} of their length"

    @contextmanager
    def taken(self, model: Model) -> Iterator[None]:
        """Inside, the layers that stay in fp32 do so under autocast."""
        layers = [part.output for part in model.encoder.modules() if isinstance(part, SelfAttention)]
        with computed_in_fp32(layers if self.outputs_in_fp32 else ()):
            yield


FP32 = Choice(precision="fp32")


def chosen_precision(model: Model, compute: Compute, catalog: Catalog) -> Choice:
    """The first of some formats, from the fastest on, that is faster than fp32 and whose error is allowed.

    What was found once for these weights on this machine is kept in the user's cache.
    """
    path = cache_folder("precisions") / f"{_key(model, compute, catalog)}.json"
    with suppress(ZooError):
        return read_record(Choice, path, "a choice of a precision")
    found = _found(model, compute)
    with suppress(ZooError, OSError):
        make_folder(path.parent)
        write_text(path, found.model_dump_json())
    return found


def _key(model: Model, compute: Compute, catalog: Catalog) -> str:
    total = hashlib.sha256(environment(catalog, compute).model_dump_json().encode())
    for name, values in model.state_dict().items():
        total.update(name.encode() + values.detach().flatten().view(torch.uint8).cpu().numpy().tobytes())
    return total.hexdigest()[:32]


def _found(model: Model, compute: Compute) -> Choice:
    exact, seconds = tried(model, compute, FP32)
    for choice in choices(compute):
        vectors, took = tried(model, compute, choice)
        error = float(((vectors - exact).norm(dim=1) / exact.norm(dim=1)).max())
        if error <= ALLOWED and seconds >= LEAST_GAIN * took:  # not if it is NaN
            return choice.model_copy(update={"error": error, "speed": seconds / took})
    return FP32


def choices(compute: Compute) -> Iterator[Choice]:
    """Those that the device has, the fastest first; bf16 before fp16, in which large numbers overflow."""
    formats: tuple[Precision, ...] = ("bf16", "fp16")
    for precision in formats:
        with suppress(ZooError):
            refuse_unsupported(compute.model_copy(update={"precision": precision}))
            yield Choice(precision=precision)
    if compute.device == "cpu":
        yield Choice(precision="bf16", outputs_in_fp32=True)


def tried(model: Model, compute: Compute, choice: Choice) -> tuple[Tensor, float]:
    """The mean of the hidden states of each of some sequences of random tokens [B, H], and the seconds of a pass."""
    dims = model.variant.dims
    shape = N_SEQUENCES, min(LENGTH, dims.max_length)
    none = np.zeros(shape[1], np.int32)
    ids = np.random.default_rng(0).integers(0, dims.vocab_size, shape, dtype=np.int32)
    batch = collate([Encoding(row, none, none.astype(bool)) for row in ids])
    how = compute.model_copy(update={"precision": choice.precision})
    with how.autocast(), choice.taken(model), model.eval_mode(LEAST_TOKENS) as device:
        sent, vectors = batch.to(device), torch.empty(0)
        took: list[float] = []
        while len(took) < N_PASSES or sum(took) < LEAST_SECONDS:  # the first makes the kernels
            began = time.perf_counter()
            vectors = sent.layout.mean(model.hidden(sent))
            synchronize(device)
            took.append(time.perf_counter() - began)
    return vectors.double().cpu(), min(took)
