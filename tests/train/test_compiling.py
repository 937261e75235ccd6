"""Layers compiled for long runs, as far as a machine without a GPU can tell."""

from __future__ import annotations

import copy
from itertools import cycle
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.train.test_graphs import batch_of, model_of
from zoo.blocks import attention
from zoo.model import Model
from zoo.train.compiling import compiled_layers
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer
from zoo.train.step import StepConfig

pytestmark = pytest.mark.filterwarnings("default")  # of torch, which looks at all of a tensor that it traces

SEVERAL = ((5, 9, 18, 3, 2, 6, 11), (6, 9, 17, 3, 4, 6, 12), (5, 5, 9, 3, 2, 2, 1), (1, 9, 18, 8, 8, 9, 10))


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Compiled code runs as it was traced, in one piece; how often that was done."""
    counted: list[int] = []
    compile_ = torch.compile

    def backend(graph: Any, given: Any) -> Any:
        counted.append(len(given))
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda function: compile_(function, backend=backend, fullgraph=True))
    return counted


def attend_by_ends(asked: attention.Attention) -> Tensor:
    """What the flash kernel computes, reading of a layout what the kernel reads."""
    query, key, value, layout, *_ = asked
    sequence = torch.bucketize(torch.arange(query.shape[0]), layout.ends[1:], right=True)
    scores = torch.einsum("qnd,knd->nqk", query, key) / query.shape[2] ** 0.5
    seen = sequence[:, None] == sequence
    return torch.einsum("nqk,knd->qnd", scores.masked_fill(~seen, -torch.inf).softmax(2), value)


def losses(model: Model, lengths: tuple[tuple[int, ...], ...], compiles: bool) -> list[dict[str, float]]:
    own = copy.deepcopy(model)
    batches = cycle([batch_of(own, row) for row in lengths])
    how = StepConfig(seed=0, compiles=compiles)
    recipe = own.variant.pretraining
    return [step.losses for step in train(own, make_optimizer(own, recipe), batches, recipe, 6, how=how)]


@pytest.mark.parametrize("lengths", [((7,) * 7,) * 2, SEVERAL])
def test_layers_are_compiled_whole_and_few_times(
    lengths: tuple[tuple[int, ...], ...], traced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if lengths is SEVERAL:
        monkeypatch.setattr(attention, "_chosen", lambda *_: ("flash", attend_by_ends))
    model = model_of("bert-tiny")
    wanted = losses(model, lengths, compiles=False)
    assert not traced
    found = losses(model, lengths, compiles=True)
    assert 1 <= len(traced) <= 3  # one length; one number of tokens, any number of tokens
    for left, right in zip(found, wanted, strict=True):
        assert left == pytest.approx(right, abs=1e-5)


def test_halves_of_shared_layers_are_compiled_and_nothing_is_left_behind(traced: list[int]) -> None:
    model = model_of("albert-tiny")
    before = {name: module.__dict__.keys() for name, module in model.named_modules()}
    wanted = losses(model, ((7,) * 7,), compiles=False)
    with compiled_layers(model, True):
        assert any("joined" in module.__dict__ for module in model.modules())
    assert {name: module.__dict__.keys() for name, module in model.named_modules()} == before
    found = losses(model, ((7,) * 7,), compiles=True)
    assert traced
    for left, right in zip(found, wanted, strict=True):
        assert left == pytest.approx(right, abs=1e-5)
