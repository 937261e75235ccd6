"""Batches for inference: sized for the device, halved where memory runs out, fetched one later on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from zoo.core.batch import Batch, Encoding
from zoo.text import device_batches
from zoo.text.collate import collate
from zoo.text.device_batches import computed, tokens_at_once

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
GIB = 2**30
LENGTHS = [3, 5, 2, 7, 4, 1, 6]


def batch_of(chunk: list[int]) -> Batch:
    ids = [np.full(LENGTHS[index], index, dtype=np.int32) for index in chunk]
    return collate([Encoding(these, np.zeros_like(these), np.zeros(len(these), dtype=bool)) for these in ids])


def first_ids(batch: Batch) -> torch.Tensor:
    """Of each sequence, which says which one it is."""
    return batch.ids[batch.layout.starts]


@pytest.mark.parametrize(
    ("free", "per_token", "expected"),
    [
        (100 * GIB, 40_000, 65_536),  # more would bring nothing
        (2 * GIB, 40_000, 8_192),  # 0.25 x 2 GiB / 40,000 = 13,421
        (GIB // 64, 40_000, 4_096),
    ],
)
def test_a_batch_has_as_many_tokens_as_free_memory_holds(
    free: int, per_token: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = GIB // 128  # of the allocator, and free to be used again
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free - cached, 141 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3 * cached)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 2 * cached)
    assert tokens_at_once(GPU, per_token) == expected
    assert tokens_at_once(CPU, per_token) is None


def test_a_batch_that_does_not_fit_is_halved_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def tight(batch: Batch) -> torch.Tensor:
        tried.append(len(batch.ids))
        if len(batch.ids) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return first_ids(batch)

    parts = list(computed([[0, 1, 2, 3], [4, 5, 6]], batch_of, tight, CPU))
    assert tried == [17, 8, 9, 2, 7, 11, 4, 7]
    assert sorted(index for chunk, _, _ in parts for index in chunk) == list(range(7))
    for chunk, batch, found in parts:
        assert [chunk[place] for place in batch.order] == found.tolist()


def test_a_sequence_that_does_not_fit_alone_is_an_error() -> None:
    def full(batch: Batch) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        list(computed([[0, 1]], batch_of, full, CPU))


def test_a_gpu_gets_the_next_batch_before_the_results_of_the_last_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(Batch, "to", lambda self, device: self)
    fetched = device_batches._Computed.fetched

    def noting(self: Any) -> Any:
        events.append(f"fetched {self.chunk}")
        return fetched(self)

    monkeypatch.setattr(device_batches._Computed, "fetched", noting)

    def work(batch: Batch) -> torch.Tensor:
        events.append(f"computed {batch.ids.unique().tolist()}")
        return first_ids(batch)

    def chunks() -> Iterator[list[int]]:
        yield from ([0], [1], [2])

    assert [found.tolist() for _, _, found in computed(chunks(), batch_of, work, GPU)] == [[0], [1], [2]]
    order = ["computed [0]", "computed [1]", "fetched [0]", "computed [2]", "fetched [1]", "fetched [2]"]
    assert events == order
    events.clear()
    list(computed(chunks(), batch_of, work, CPU))
    assert events[:2] == ["computed [0]", "fetched [0]"]
