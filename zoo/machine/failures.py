"""What a device refuses while it works, in one line with what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zoo.core.errors import RunFailed

OPERATION = re.compile(r"^\W*(?P<name>[\w:.]+)\W* does not have a deterministic implementation")


def is_out_of_memory(error: BaseException) -> bool:
    """PyTorch has its own type for accelerators only (DefaultCPUAllocator raises a plain RuntimeError)."""
    said = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in said)


def not_deterministic(error: BaseException) -> str | None:
    """The line about an operation that has no deterministic algorithm; None for any other error."""
    found = OPERATION.match(str(error))
    if found is None:
        return None
    return f"{found['name']} has no deterministic algorithm on this device; --no-deterministic lets it run"


@contextmanager
def failures_told(advice: str) -> Iterator[None]:
    """Inside, what a device refuses is raised as RunFailed, lack of memory with this advice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise RunFailed(f"out of memory{_free()}; {advice}") from error
        if line := not_deterministic(error):
            raise RunFailed(line) from error
        raise


def _free() -> str:
    """How much of the current GPU is free, for a message; empty without a GPU that is in use."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return ""
    free, total = torch.cuda.mem_get_info()
    return f", with {free / 2**30:,.1f} of {total / 2**30:,.1f} GiB of the GPU free"
