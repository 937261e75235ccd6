from __future__ import annotations

import numpy as np
import torch

from zoo import IGNORE, Encoding
from zoo.text.collate import collate


def encoding(*ids: int) -> Encoding:
    values = np.array(ids, dtype=np.int32)
    return Encoding(values, values % 2, values > 90)


THREE = [encoding(5, 6, 99), encoding(8), encoding(10, 11, 12), encoding(7, 98)]


def test_sequences_lie_end_to_end_shortest_first_and_equals_in_order() -> None:
    batch = collate(THREE)
    assert batch.layout.lengths == (1, 2, 3, 3)
    assert batch.layout.groups == ((1, 1), (1, 2), (2, 3))
    assert batch.order == (1, 3, 0, 2)
    assert batch.ids.tolist() == [8, 7, 98, 5, 6, 99, 10, 11, 12]
    assert batch.segments.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert batch.special.tolist() == [False, False, True, False, False, True, False, False, False]


def test_tensors_have_the_types_that_torch_wants() -> None:
    batch = collate(THREE)
    assert batch.ids.dtype == batch.segments.dtype == batch.targets.dtype == torch.int64
    assert batch.special.dtype == torch.bool


def test_labels_follow_their_sequences_as_integers_or_floats() -> None:
    batch = collate(THREE, {"class": [0, 1, 2, IGNORE], "score": [0.5, 1, 2.5, 3]})
    assert batch.labels["class"].tolist() == [1, IGNORE, 0, 2]
    assert batch.labels["class"].dtype == torch.int64
    assert batch.labels["score"].tolist() == [1.0, 3.0, 0.5, 2.5]
    assert batch.labels["score"].dtype == torch.float32


def test_targets_follow_their_sequences_and_are_ignored_where_none_are_given() -> None:
    targets = [np.full(len(one), index, dtype=np.int32) for index, one in enumerate(THREE)]
    assert collate(THREE, targets=targets).targets.tolist() == [1, 3, 3, 0, 0, 0, 2, 2, 2]
    assert collate(THREE).targets.tolist() == [IGNORE] * 9


def test_a_batch_does_not_share_memory_with_what_it_was_made_of() -> None:
    alone = encoding(5, 6)
    batch = collate([alone])
    batch.ids[0] = 0
    batch.special[0] = True
    assert alone.ids.tolist() == [5, 6]
    assert alone.special.tolist() == [False, False]
