"""Every random choice has its own seed, made from words, so that choices are independent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager


def seed_of(*words: object) -> int:
    """A 63-bit seed that depends on all the words and on nothing else."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def drawing(*words: object) -> Iterator[None]:
    """Inside, torch's global generator depends on the words alone; afterwards its state is restored."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_of(*words))
        yield


def reseed(seed: int) -> None:
    """Seed torch's global generators, of the CPU and of those devices that are here.

    Where there are none, `torch.manual_seed` writes down the whole stack each time, for GPUs that might yet come.
    """
    import torch

    if torch.cuda.is_initialized() or torch.backends.mps.is_available():  # type: ignore[no-untyped-call]
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
