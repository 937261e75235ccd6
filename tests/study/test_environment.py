"""What a process has needed."""

from __future__ import annotations

import platform

import pytest

from zoo.study.environment import forget_peak_memory, peak_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is given back by the GNU C library")
def test_memory_that_was_freed_is_no_part_of_what_comes_later() -> None:
    blocks = [bytearray(4_000) for _ in range(50_000)]
    before = peak_memory()
    last = blocks.pop()  # lies above all others and keeps the heap from shrinking by itself
    del blocks
    forget_peak_memory()
    assert peak_memory() < before - 150_000_000
    assert len(last) == 4_000
