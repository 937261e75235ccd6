"""What a stretch of work took: the device, the precision, the kernels, and the peak memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zoo.blocks.kernels import kernels_taken
from zoo.core.specs import Precision, Record
from zoo.machine.compute import Compute
from zoo.machine.environment import accelerator_of, driver_version, processor
from zoo.machine.memory import peak_memory, reset_peak_memory


class Usage(Record):
    """Where work ran, in which precision, by which kernels, and its peak memory: of the device, or of the process on a
    CPU.
    """

    device: str
    """`cpu`, `cuda` or `mps`."""
    name: str
    """The model of the GPU, or of the processor."""
    driver: str | None = None
    """The version of the GPU's driver."""
    precision: Precision = "fp32"
    kernels: tuple[str, ...] = ()
    """The attention kernels that ran."""
    peak_bytes: int

    @property
    def how(self) -> dict[str, str]:
        """All that is the same each time, in words: not the memory."""
        facts = {"device": f"{self.device} ({self.name})", "driver": self.driver, "precision": self.precision}
        facts["kernels"] = ", ".join(self.kernels)
        return {name: fact for name, fact in facts.items() if fact}

    def __str__(self) -> str:
        driver = f", driver {self.driver}" if self.driver else ""
        by = f", kernels {', '.join(self.kernels)}" if self.kernels else ""
        memory = f"peak memory {self.peak_bytes / 1e6:,.0f} MB"
        return f"{self.device} ({self.name}{driver}), {self.precision}{by}; {memory}"


@contextmanager
def measured(compute: Compute) -> Iterator[Callable[[], Usage]]:
    """Inside, what is given tells the usage since the beginning."""
    on_gpu, device = compute.device.startswith("cuda"), compute.torch_device
    reset_peak_memory(device)
    with kernels_taken() as kernels:
        yield lambda: Usage(
            device=device.type,
            name=accelerator_of(compute) or processor(),
            driver=driver_version() if on_gpu else None,
            precision=compute.precision,
            kernels=tuple(sorted(kernels)),
            peak_bytes=peak_memory(device),
        )
