"""Objectives of any name in a model."""

from __future__ import annotations

from itertools import repeat

import pytest
import torch
from torch import nn

from zoo import Batch, Catalog, Model
from zoo.core.specs import Finetuning, HeadConfig
from zoo.heads import LABEL
from zoo.tasks.kinds import make_head
from zoo.testing import DIMS, head_batch
from zoo.train.evaluation import evaluate
from zoo.train.loop import fit

CATALOG = Catalog.installed()

TAKEN = sorted({*dir(nn.ModuleDict()), *dir(nn.Module())})
"""Everything that an attribute of a container of modules is called, in the installed version of torch."""


def headed(name: str) -> Model:
    variant = CATALOG.variant("albert-tiny")
    head = make_head(DIMS, HeadConfig(kind="classification", labels=("a", "b", "c"), pooling=variant.head))
    return CATALOG.build(variant.swap(variant.name, dims=DIMS)).with_head(name, head)


def batch() -> Batch:
    return head_batch("classification")


def test_the_names_that_a_container_has_are_many() -> None:
    assert {"type", "items", "train", "forward", "keys", "training", "_modules", "to"} <= set(TAKEN)


def test_a_task_may_have_the_name_of_anything_that_a_container_of_modules_has() -> None:
    variant = CATALOG.variant("albert-tiny")
    model = CATALOG.build(variant.swap(variant.name, dims=DIMS))
    for name in TAKEN:
        head = make_head(DIMS, HeadConfig(kind="classification", labels=("a", "b", "c"), pooling=variant.head))
        found = model.with_head(name, head)
        assert found.objective_names == (name,)
        assert found.objective(name) is head
        assert any(parameter is head.output.weight for parameter in found.parameters())


@pytest.mark.parametrize("name", ["type", "items", "train", "forward", "training", "my.task", "my.type", "a/b"])
def test_a_task_of_any_name_is_trained_evaluated_saved_and_loaded(name: str) -> None:
    model = headed(name)
    log = fit(model, repeat(batch()), Finetuning(learning_rate=1e-3), 2, lambda done, total: None)
    assert list(log.losses) == [name] and len(log.losses[name]) == 2
    assert list(evaluate(model, [batch()])) == [name]
    state = model.state_dict()
    again = headed(name)
    again.load_state_dict(state)
    assert torch.equal(again.eval()(batch())[name].logits, model.eval()(batch())[name].logits)
    for stored, tensor in model.named_parameters():
        assert torch.equal(model.get_parameter(stored), tensor)
        assert model.get_parameter(stored) is tensor
    functional = torch.func.functional_call(model, dict(model.named_parameters()), (batch(),))
    assert set(functional) == {name}


def test_names_that_look_alike_stay_apart_with_their_own_losses() -> None:
    model = headed("type")
    others = {name: headed(name).objective(name) for name in ("type", "type.", "types", "my.type")}
    together = Model(model.variant, model.embedding, model.encoder, others)
    assert together.objective_names == ("type", "type.", "types", "my.type")
    outputs = together.eval()(batch())
    with torch.no_grad():
        hidden = together.hidden(batch())
        for name, objective in others.items():
            alone = objective(hidden, batch(), together.embedding.tokens.weight)
            torch.testing.assert_close(outputs[name].loss.detach(), alone.loss)
    assert batch().labels[LABEL].ndim == 1


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="typo"):
        headed("type").objective("typo")
