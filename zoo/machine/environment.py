"""Where a result was made: bits repeat only where all of this is the same."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import resource
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.core.specs import Record
from zoo.registry.catalog import Catalog

if TYPE_CHECKING:
    import torch


class Environment(Record):
    """Versions, threads and instruction set; `code` is a hash of the sources of zoo and of the plugins."""

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
    device: str
    """The kind of device that the work is done on, as `cpu` or `cuda`."""
    accelerator: str | None = None
    """What that device calls itself, where it is not the processor."""

    @property
    def hardware(self) -> str:
        """What times depend on: they compare only where this is the same."""
        device = f"{self.device} ({self.accelerator})" if self.accelerator else self.device
        return f"{device}, {self.processor}, {self.instruction_set}, {self.threads} thread(s) a process"


def environment(catalog: Catalog, threads: int | None = None, device: torch.device | None = None) -> Environment:
    """Of work in this process, or in one with so many threads, on a device, or on the processor."""
    import torch

    on_cuda = _is_cuda(device)
    return Environment(
        zoo=_version("encoder-zoo"),
        code=_sources(tuple(sorted(_packages(catalog)))),
        plugins={f"{plugin.name} ({plugin.distribution})": plugin.version for plugin in catalog.plugins},
        libraries={name: _version(name) for name in ("torch", "tokenizers", "numpy", "scipy", "scikit-learn")}
        | ({"cuda": str(torch.version.cuda)} if on_cuda else {}),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        processors=os.cpu_count() or 1,
        threads=threads or torch.get_num_threads(),
        device=device.type if device else "cpu",
        accelerator=torch.cuda.get_device_name(device) if on_cuda else None,
    )


def _is_cuda(device: torch.device | None) -> bool:
    return device is not None and device.type == "cuda"


def _packages(catalog: Catalog) -> set[str]:
    """Every package that a part or task comes from, and zoo."""
    offered = [part for parts in catalog.parts.values() for part in parts.values()]
    modules = [part.partition(":")[0] if isinstance(part, str) else part.__module__ for part in offered]
    modules += [type(task).__module__ for task in catalog.tasks.values()]
    return {"zoo", *(module.split(".")[0] for module in modules)}


@cache
def _sources(modules: tuple[str, ...]) -> str:
    """Versions do not tell what someone at work on a plugin has changed since an hour ago."""
    total = hashlib.sha256()
    for name in modules:
        source = Path(getattr(sys.modules.get(name), "__file__", None) or "/")
        for path in sorted(source.parent.rglob("*.py")) if source.name == "__init__.py" else [source]:
            if path.is_file():
                total.update(f"{name} {path.relative_to(source.parent)}\n".encode() + path.read_bytes())
    return total.hexdigest()


@cache
def _processor() -> str:
    """The model of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def forget_peak_memory(device: torch.device | None = None) -> None:
    """Start measuring the peak memory of this process and its device anew, where the system can (Linux).

    What the C library has kept of memory that was freed is given back first: after many batches of many lengths it is
    more than a small model needs (measured: 2.0 GB after forty fine-tunings).
    """
    if _is_cuda(device):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory(device: torch.device | None = None) -> int:
    """The most memory held since `forget_peak_memory`, or since this process began, in bytes.

    On a CUDA device, what this process's tensors took there; else what this process took.
    """
    if _is_cuda(device):
        import torch

        return torch.cuda.max_memory_allocated(device)
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
