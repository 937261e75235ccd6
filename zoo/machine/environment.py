"""Where a result was made: bits repeat only if all of this is the same."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from zoo.core.specs import Precision, Record
from zoo.machine.compute import Compute
from zoo.machine.sources import Installed, code_hash


class Environment(Record):
    """Versions, threads and instruction set; `code` is a hash of the sources that results depend on."""

    zoo: str
    code: str
    plugins: dict[str, str]
    libraries: dict[str, str]
    python: str
    platform: str
    processor: str
    instruction_set: str
    processors: int
    threads: int
    precision: Precision = "fp32"
    device: str
    """The kind of device that the work runs on: `cpu`, `cuda` or `mps`."""
    accelerator: str | None = None
    """The name of the GPU, if it is one."""
    driver: str | None = None
    """The version of the GPU's driver."""
    deterministic: bool = True
    """Whether the same work repeats here bit for bit."""

    @property
    def hardware(self) -> str:
        """What times depend on: they compare only if this is the same."""
        device = f"{self.device} ({self.accelerator})" if self.accelerator else self.device
        more = f", {self.precision}" * (self.precision != "fp32") + ", not deterministic" * (not self.deterministic)
        threads = f"{self.threads} thread{'s' * (self.threads > 1)} per process"
        return f"{device}, {self.processor}, {self.instruction_set}, {threads}{more}"

    @property
    def arithmetic(self) -> str:
        """What scores may depend on beside the code: the device and the precision."""
        return f"{self.accelerator or self.device} in {self.precision}"


def environment(installed: Installed, compute: Compute | None = None) -> Environment:
    """Of work that runs as `compute` says, on the CPU if nothing is said."""
    import torch

    compute = compute or Compute()
    on_gpu = compute.device.startswith("cuda")
    return Environment(
        zoo=_version("encoder-zoo"),
        code=code_hash(installed),
        plugins={f"{plugin.name} ({plugin.distribution})": plugin.version for plugin in installed.plugins},
        libraries={name: _version(name) for name in ("torch", "tokenizers", "numpy", "scipy", "scikit-learn")}
        | ({"cuda": str(torch.version.cuda)} if on_gpu else {}),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        processor=processor(),
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        processors=os.cpu_count() or 1,
        threads=compute.threads or torch.get_num_threads(),
        precision=compute.precision,
        device=compute.device.partition(":")[0],
        accelerator=accelerator_of(compute),
        driver=driver_version() if on_gpu else None,
        deterministic=compute.repeats,
    )


def accelerator_of(compute: Compute) -> str | None:
    """The name of the GPU that work runs on, if it is one of NVIDIA's."""
    import torch

    return torch.cuda.get_device_name(compute.torch_device) if compute.device.startswith("cuda") else None


def driver_version() -> str | None:
    """The version of the NVIDIA driver, if the system reports it (Linux); else the newest CUDA that it runs."""
    import torch

    with suppress(OSError):
        return Path("/sys/module/nvidia/version").read_text().strip()
    with suppress(OSError, AttributeError):
        found = re.search(r"Module\s.*?(\d+(\.\d+)+)", Path("/proc/driver/nvidia/version").read_text())
        return str(found[1]) if found else None
    newest = getattr(torch._C, "_cuda_getDriverVersion", None)
    return f"of CUDA {newest() // 1000}.{newest() % 1000 // 10}" if newest else None


@cache
def processor() -> str:
    """The model of the processor, if the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
