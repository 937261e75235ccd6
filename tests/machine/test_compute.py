"""Where and how steps run: devices that are here, GPUs divided among processes, kernels that were taken."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from zoo import ZooError
from zoo.blocks.kernels import kernels_taken, note_kernel
from zoo.machine import compute
from zoo.machine.compute import Compute, chosen_compute, chosen_device, visible_gpus


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says it has two GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_device_that_is_missing_is_refused_with_those_that_are_here() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(ZooError, match="--device cuda: PyTorch finds no such device here; give one of auto, cpu"):
            chosen_device("cuda")
    with pytest.raises(ZooError, match="--device gpu: PyTorch finds no such device here"):
        chosen_device("gpu")
    for name in ("gpu", "cuda:", "cpu:0", "cuda:x"):
        with pytest.raises(ValidationError):
            Compute(device=name)


def test_a_gpu_is_chosen_where_there_is_one_and_nothing_is_asked(two_gpus: None) -> None:
    chosen = [chosen_device(asked) for asked in (None, "auto", "cpu", "cuda:1")]
    assert chosen == ["cuda", "cuda", "cpu", "cuda:1"]
    assert Compute(device="cuda").torch_device == torch.device("cuda", 0)
    assert Compute(device="cuda:1").torch_device == torch.device("cuda", 1)
    with pytest.raises(ZooError, match="give one of auto, cpu, cuda, cuda:0, cuda:1"):
        chosen_device("cuda:2")


def test_a_precision_that_a_device_lacks_is_refused(two_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "ACME 9000")
    with pytest.raises(ZooError, match="--precision bf16: ACME 9000 has no bf16 arithmetic; give fp32"):
        chosen_compute("cuda", "bf16")
    assert chosen_compute("cuda", "fp16").precision == "fp16"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_fp16": False}, raising=False)
    with pytest.raises(ZooError, match="--precision fp16: this processor has no fp16 instructions"):
        chosen_compute("cpu", "fp16")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_fp16": True}, raising=False)
    assert chosen_compute("cpu", "fp16").autocast().fast_dtype == torch.float16  # type: ignore[attr-defined]


def test_only_work_on_a_gpu_asks_torch_for_algorithms_that_repeat(
    two_gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", asked.append)
    monkeypatch.setattr(compute.os, "environ", environ := dict[str, str]())
    Compute(threads=1).begin()
    assert (asked, environ) == ([], {})
    Compute(device="cuda", threads=1, deterministic=False).begin()
    assert (asked, environ) == ([False], {})
    Compute(device="cuda", threads=1).begin()
    assert (asked, environ) == ([False, True], {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"})
    repeats = [
        Compute(device=name, deterministic=wanted).repeats for name in ("cpu", "cuda") for wanted in (True, False)
    ]
    assert repeats == [True, True, True, False]


def test_work_of_another_machine_goes_on_on_the_cpu_with_the_same_precision_and_threads() -> None:
    elsewhere = Compute(device="cuda:99", precision="bf16", threads=3)
    assert elsewhere.here() == Compute(device="cpu", precision="bf16", threads=3)
    assert Compute(threads=3).here() == Compute(threads=3)


def test_the_gpus_of_a_process_are_those_that_the_environment_names(
    two_gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert visible_gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-8932f937")
    assert visible_gpus() == ["5", "GPU-8932f937"]


def test_kernels_are_noted_for_the_work_at_hand_and_for_what_is_around_it() -> None:
    note_kernel("before")
    with kernels_taken() as around:
        note_kernel("first")
        with kernels_taken() as inner:
            note_kernel("second")
        assert (inner, around) == ({"second"}, {"first", "second"})
    assert compute.present_devices()[0] == "cpu"
