"""Batches gathered from many sequences, beside those that are collated one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo import Encoding
from zoo.text.collate import Sequences, collate


@pytest.mark.parametrize("typed", [False, True])
def test_a_gathered_batch_is_a_collated_one(typed: bool) -> None:
    rng = np.random.default_rng(0)
    encodings = []
    for length in (5, 3, 9, 3, 1, 7):
        ids, segments = rng.integers(0, 99, length, dtype=np.int32), rng.integers(0, 2, length, dtype=np.int32)
        types = np.full(length, 3, dtype=np.int32) if typed and length > 4 else None
        encodings.append(Encoding(ids, segments, rng.random(length) < 0.3, types))
    sequences = Sequences(encodings)
    for indices in ([0, 1, 2, 3, 4, 5], [3, 1], [2], [5, 4, 1, 3]):
        found, wanted = sequences.batch(indices), collate([encodings[index] for index in indices])
        assert found.order == wanted.order and found.layout.lengths == wanted.layout.lengths
        for name, tensor in wanted.tensors().items():
            if typed and name == "types":
                continue  # a batch of untyped ones alone has none when collated
            assert torch.equal(found.tensors()[name], tensor) and found.tensors()[name].dtype == tensor.dtype, name
    if typed:
        assert torch.equal(sequences.batch([0, 1]).token_types, collate(encodings[:2]).token_types)
