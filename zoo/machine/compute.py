"""Where and how a step runs: one record, from the command line to the result."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from zoo.core.errors import ZooError
from zoo.core.specs import Precision, Record

if TYPE_CHECKING:
    import torch

DEVICE = r"cpu|mps|cuda(:\d{1,3})?"

Threads = Annotated[int, Field(ge=1, le=4_096)]


class Compute(Record):
    """The device, the precision of forward and backward passes, and the threads of each process.

    `cuda` is the process's current GPU, `cuda:1` the second one. Weights and optimizer states stay in fp32; with
    `bf16`, passes run under autocast. Without `threads`, PyTorch chooses their number.
    """

    device: Annotated[str, Field(pattern=f"^({DEVICE})$")] = "cpu"
    precision: Precision = "fp32"
    threads: Threads | None = None

    @property
    def torch_device(self) -> torch.device:
        """The device as PyTorch names it, with its index for a GPU."""
        import torch

        return torch.device("cuda", torch.cuda.current_device()) if self.device == "cuda" else torch.device(self.device)

    def begin(self) -> None:
        """Set this process's threads. Raises ZooError if the device is missing here."""
        import torch

        refuse_missing(self.device)
        if self.threads:
            torch.set_num_threads(self.threads)

    def here(self) -> Compute:
        """The same, on the CPU where this machine has no such device."""
        return self if self.device in present_devices() else self.model_copy(update={"device": "cpu"})

    def autocast(self) -> AbstractContextManager[None]:
        """Inside, passes compute in the precision."""
        import torch

        return torch.autocast(self.torch_device.type, torch.bfloat16, enabled=self.precision == "bf16")


ONE_THREAD = Compute(threads=1)


def refuse_missing(device: str) -> None:
    """Raises ZooError if PyTorch has no such device here."""
    there = present_devices()
    if device not in there:
        raise ZooError(f"--device {device}: PyTorch finds no such device here; give one of {', '.join(there)}")


def present_devices() -> list[str]:
    """The names of the devices of this machine."""
    import torch

    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = ["cuda", *(f"cuda:{index}" for index in range(n_gpus))] if n_gpus else []
    return ["cpu", *(["mps"] if torch.backends.mps.is_available() else []), *gpus]


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    if not torch.cuda.is_available():
        return []
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen.split(",") if chosen else [str(index) for index in range(torch.cuda.device_count())]


def chosen_device(asked: str | None) -> str:
    """The device that was asked for, else a GPU if there is one, else the CPU. Raises ZooError if it is missing."""
    if asked is None:
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"
    refuse_missing(asked)
    return asked


def synchronize(device: torch.device) -> None:
    """Wait until a device has done all that it was given, so that a clock can be read."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
