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
AUTO = "auto"
"""The device that is chosen if none is asked for: a GPU if there is one, else the CPU."""

Threads = Annotated[int, Field(ge=1, le=4_096)]

FP16_INSTRUCTIONS = ("avx512_fp16", "amx_fp16")
"""Without one of these, a processor converts each fp16 number before and after it computes with it."""


class Compute(Record):
    """The device, the precision of forward and backward passes, and the threads of each process.

    `cuda` is the process's current GPU, `cuda:1` the second one. Weights and optimizer states stay in fp32; with
    `bf16` or `fp16`, passes run under autocast. Without `threads`, PyTorch chooses their number. If `deterministic`,
    GPUs use only algorithms that give the same bits each time; a CPU always does.
    """

    device: Annotated[str, Field(pattern=f"^({DEVICE})$")] = "cpu"
    precision: Precision = "fp32"
    threads: Threads | None = None
    deterministic: bool = True

    @property
    def repeats(self) -> bool:
        """Whether the same work gives the same bits here each time."""
        return self.device == "cpu" or (self.device.startswith("cuda") and self.deterministic)

    @property
    def torch_device(self) -> torch.device:
        """The device as PyTorch names it, with its index for a GPU."""
        import torch

        return torch.device("cuda", torch.cuda.current_device()) if self.device == "cuda" else torch.device(self.device)

    def begin(self) -> None:
        """Set this process's threads and algorithms. Raises ZooError if this machine lacks the device or precision."""
        import torch

        refuse_missing(self.device)
        refuse_unsupported(self)
        if self.threads:
            torch.set_num_threads(self.threads)
        if self.device.startswith("cuda"):
            _use_deterministic(self.deterministic)

    def here(self) -> Compute:
        """The same, on the CPU where this machine has no such device."""
        return self if self.device in present_devices() else self.model_copy(update={"device": "cpu"})

    def autocast(self) -> AbstractContextManager[None]:
        """Inside, passes compute in the precision."""
        import torch

        dtype = torch.float16 if self.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.torch_device.type, dtype, enabled=self.precision != "fp32")


ONE_THREAD = Compute(threads=1)


def chosen_compute(
    device: str | None, precision: Precision = "fp32", threads: int | None = None, *, deterministic: bool = True
) -> Compute:
    """Where and how to work, as it was asked for. Raises ZooError if this machine cannot."""
    compute = Compute(device=chosen_device(device), precision=precision, threads=threads, deterministic=deterministic)
    refuse_unsupported(compute)
    return compute


def refuse_missing(device: str) -> None:
    """Raises ZooError if PyTorch has no such device here."""
    there = present_devices()
    if device not in there:
        named = f"{AUTO}, {', '.join(there)}"
        raise ZooError(f"--device {device}: PyTorch finds no such device here; give one of {named}")


def refuse_unsupported(compute: Compute) -> None:
    """Raises ZooError if the device cannot compute in the precision, or only more slowly than in fp32."""
    import torch

    asked, on_gpu = f"--precision {compute.precision}", compute.device.startswith("cuda")
    if compute.precision == "fp16" and compute.device == "cpu":
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        if not any(capabilities.get(name) for name in FP16_INSTRUCTIONS):
            raise ZooError(f"{asked}: this processor has no fp16 instructions and would be slower; give bf16 or fp32")
    if compute.precision == "bf16" and on_gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name(compute.torch_device)
        raise ZooError(f"{asked}: {name} has no bf16 arithmetic; give fp32, or fp16 where nothing is trained")


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
    if asked in (None, AUTO):
        return "cuda" if "cuda" in present_devices() else "cpu"
    assert asked is not None
    refuse_missing(asked)
    return asked


def synchronize(device: torch.device) -> None:
    """Wait until a device has done all that it was given, so that a clock can be read."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _use_deterministic(wanted: bool) -> None:
    """Let an operation without a deterministic algorithm raise an error that names it, or take the fastest ones.

    cuBLAS reads its variable when it is first used, and repeats its sums only with workspaces of a fixed size
    (NVIDIA cuBLAS, section 2.1.4). Memory that nobody has written is not filled, since nothing here reads any.
    """
    import torch

    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(wanted)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
