"""Building modules without memory, and training them without a compiler."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from zoo.core.meta import without_memory


def test_constructors_draw_nothing_where_there_is_no_memory() -> None:
    state = torch.get_rng_state()
    with without_memory():
        layer, table = nn.Linear(3, 2), nn.Embedding(4, 2)
        assert nn.init.trunc_normal_(layer.weight) is layer.weight
    assert {p.device.type for p in (*layer.parameters(), *table.parameters())} == {"meta"}
    assert torch.equal(torch.get_rng_state(), state)
    assert nn.Linear(3, 2).weight.abs().sum() > 0


@pytest.mark.slow
def test_neither_a_check_nor_a_training_step_imports_a_compiler() -> None:
    code = """
import sys, torch, zoo
from zoo.train.optimizers import make_optimizer
catalog = zoo.Catalog.installed()
for name in ("bert-tiny", "albert-tiny"):
    catalog.check(catalog.variant(name))
    model = catalog.build(catalog.variant(name))
    optimizer = make_optimizer(model, catalog.variant(name).pretraining)
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
print([name for name in ("torch._dynamo", "sympy", "scipy", "sklearn") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
