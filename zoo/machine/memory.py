"""Peak memory of a stretch of work: of a GPU where it runs on one, else of the process."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""GNU's numbers, of malloc.h."""


def give_back_freed() -> None:
    """Give the system what the C library has kept of memory that was freed, if it is GNU's.

    Each batch of another length leaves gaps that the next one does not fit into: 20 MB a step in a fine-tuning of
    bert-tiny on four choices, which held 1.0 GB after 40 steps and 0.3 GB without them.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Inside, the C library keeps what is freed, if it is GNU's, so that the system need not fill it with zeros again:
    that took 2 to 6% of a training step's time. Afterwards it is given back, and the library is as it comes to be when
    large blocks are freed.
    """
    _keep(2**30, 2**31 - 1)
    try:
        yield
    finally:
        _keep(2**25, 2**26)
        give_back_freed()


def _keep(largest: int, free: int) -> None:
    """Let blocks up to a size be of memory that is kept, and keep so much of it free; mallopt(3)."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, largest)
        mallopt(M_TRIM_THRESHOLD, free)


def reset_peak_memory(device: torch.device | None = None) -> None:
    """Reset the peak memory of this process and of a GPU, if the system can (Linux); what was freed counts no more."""
    if device is not None and device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)
    give_back_freed()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: torch.device | None = None) -> int:
    """The most bytes held since `reset_peak_memory`, or since this process began.

    On a GPU, what this process's tensors took there; on MPS, what Metal holds for it now; else what the process took.
    """
    if device is not None and device.type in ("cuda", "mps"):
        import torch

        on_gpu = device.type == "cuda"
        return torch.cuda.max_memory_allocated(device) if on_gpu else torch.mps.driver_allocated_memory()
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
