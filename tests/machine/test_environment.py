"""What a process has needed."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo.machine.environment as machine_environment
import zoo.machine.usage as machine_usage
from zoo import Catalog
from zoo.blocks.kernels import note_kernel
from zoo.machine.compute import Compute
from zoo.machine.environment import driver_version, environment
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.machine.usage import measured

CATALOG = Catalog.installed()
CUDA = torch.device("cuda", 1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """A machine with two cards, as torch tells of them; what it is asked of which."""
    calls: list[tuple[str, Any]] = []

    def answering(question: str, answer: object) -> Callable[[Any], object]:
        def answered(device: Any = None) -> object:
            calls.append((question, device))
            return answer

        return answered

    for question, answer in (
        ("get_device_name", "ACME 9000"),
        ("max_memory_allocated", 12_345),
        ("reset_peak_memory_stats", None),
    ):
        monkeypatch.setattr(torch.cuda, question, answering(question, answer))
    return calls


def test_work_on_a_card_is_told_with_its_kind_its_name_and_its_own_memory(asked: list[tuple[str, Any]]) -> None:
    here = environment(CATALOG, Compute(device="cuda:1", precision="bf16", threads=3))
    assert (here.device, here.accelerator, here.threads, here.precision) == ("cuda", "ACME 9000", 3, "bf16")
    assert here.deterministic and here.driver == driver_version()
    assert not environment(CATALOG, Compute(device="cuda:1", deterministic=False)).deterministic
    assert here.libraries["cuda"] == str(torch.version.cuda)
    assert here.hardware.startswith("cuda (ACME 9000), ")
    reset_peak_memory(CUDA)
    assert peak_memory(CUDA) == 12_345
    names = ("get_device_name", "get_device_name", "reset_peak_memory_stats", "max_memory_allocated")
    assert asked == [(question, CUDA) for question in names]


def test_what_work_on_a_card_took_is_told_in_a_line(
    asked: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_usage, "driver_version", lambda: "570.1")
    with measured(Compute(device="cuda:1", precision="bf16")) as usage:
        note_kernel("flash")
        note_kernel("CUDA graph")
    took = usage()
    assert str(took) == "cuda (ACME 9000, driver 570.1), bf16, kernels CUDA graph, flash; peak memory 0 MB"
    assert took.peak_bytes == 12_345 and ("reset_peak_memory_stats", CUDA) in asked
    assert took.how == {
        "device": "cuda (ACME 9000)", "driver": "570.1", "precision": "bf16", "kernels": "CUDA graph, flash"
    }  # fmt: skip


@pytest.mark.parametrize("device", [None, torch.device("cpu"), torch.device("meta")])
def test_work_elsewhere_asks_no_card(device: torch.device | None, asked: list[tuple[str, Any]]) -> None:
    here = environment(CATALOG)
    assert (here.device, here.accelerator) == ("cpu", None)
    assert "cuda" not in here.libraries
    reset_peak_memory(device)
    assert peak_memory(device) > 10_000_000
    assert not asked


NEW_PAGES = """
import resource, torch
from zoo.machine.memory import freed_memory_kept

def new_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(4_000_000) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with freed_memory_kept():
    print(new_pages(), new_pages())
print(new_pages())
"""
"""How many pages the system gives to eight blocks of 16 MB, in a process whose heap is whole."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_memory_that_is_freed_is_kept_inside_and_given_back_afterwards() -> None:
    ran = subprocess.run([sys.executable, "-c", NEW_PAGES], capture_output=True, text=True, check=True)
    first, again, after = map(int, ran.stdout.split())
    assert again < 0.9 * first < after  # 0.1 to 0.75 of them were seen; elsewhere all of them


def test_the_driver_is_read_from_the_system_if_it_has_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\nGCC version:  gcc 13.3.0"
    )
    (tmp_path / "version").write_text(told)

    def read(path: str) -> Path:
        return tmp_path / ("version" if path.startswith("/proc/driver") else "missing")

    monkeypatch.setattr(machine_environment, "Path", read)
    assert driver_version() == "580.159.04"


def test_the_places_of_work_on_a_card_and_beside_it_do_not_compare(asked: list[tuple[str, Any]]) -> None:
    assert environment(CATALOG, Compute(device="cuda:1")).hardware != environment(CATALOG).hardware


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is given back by the GNU C library")
def test_memory_that_was_freed_is_no_part_of_what_comes_later() -> None:
    blocks = [bytearray(4_000) for _ in range(50_000)]
    before = peak_memory()
    last = blocks.pop()  # lies above all others and keeps the heap from shrinking by itself
    del blocks
    reset_peak_memory()
    assert peak_memory() < before - 150_000_000
    assert len(last) == 4_000
