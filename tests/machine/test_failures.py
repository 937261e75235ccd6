"""What a device refuses is told in one line, with what to do."""

from __future__ import annotations

import pytest
import torch

from zoo.core.errors import RunFailed
from zoo.machine.failures import failures_told, is_out_of_memory

NO_DETERMINISTIC = (
    "adaptive_max_pool2d_backward_cuda does not have a deterministic implementation, but you set "
    "'torch.use_deterministic_algorithms(True)'. You can turn off determinism just for this operation"
)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_too_little_memory_is_told_with_what_to_do(error: Exception) -> None:
    with pytest.raises(RunFailed, match=r"^out of memory; give shorter texts$"), failures_told("give shorter texts"):
        raise error
    assert is_out_of_memory(error)


def test_an_operation_that_does_not_repeat_is_named() -> None:
    expected = r"^adaptive_max_pool2d_backward_cuda has no deterministic algorithm .* --no-deterministic lets it run$"
    with pytest.raises(RunFailed, match=expected), failures_told(""):
        raise RuntimeError(NO_DETERMINISTIC)


def test_any_other_error_stays_as_it_is() -> None:
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2") as raised, failures_told(""):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert not isinstance(raised.value, RunFailed)
