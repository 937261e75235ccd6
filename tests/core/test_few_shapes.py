"""Batches of inference on a CPU, filled up so that sizes of tensors return."""

from __future__ import annotations

import pytest
import torch

from zoo.core.batch import Batch
from zoo.core.filling import LEAST, STEP, in_few_shapes
from zoo.registry.catalog import Catalog
from zoo.testing.material import ragged_batch

CATALOG = Catalog.installed()


@pytest.mark.parametrize("variant", ["bert-tiny", "roberta-tiny", "albert-tiny"])
@torch.no_grad()
def test_hidden_states_are_those_of_the_batch_alone(variant: str) -> None:
    model = CATALOG.build(CATALOG.variant(variant)).eval()
    most, seen = model.variant.dims.max_length, list[int]()

    def hidden(batch: Batch) -> torch.Tensor:
        seen.append(len(batch.ids))
        assert max(batch.layout.lengths) <= most
        return model.hidden(batch)

    for lengths in ((5, 3), (LEAST // 16,) * 16, (61,) * 20, (most,) * 12 + (1,)):
        batch = ragged_batch(99, {}, lengths=lengths, pairs=False)
        torch.testing.assert_close(in_few_shapes(hidden, most)(batch), model.hidden(batch), atol=2e-6, rtol=0)
    assert seen[0] == 8 and not any(n % STEP for n in seen[1:]) and seen[1] == LEAST


def test_a_batch_elsewhere_is_left_as_it_is() -> None:
    batch = ragged_batch(99, {}, lengths=(61,) * 20).to(torch.device("meta"))
    given = list[Batch]()

    def hidden(its: Batch) -> torch.Tensor:
        given.append(its)
        return its.ids

    in_few_shapes(hidden, 64)(batch)
    assert len(given) == 1 and given[0] is batch
