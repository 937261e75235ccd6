"""Optimizers, schedule and the loop."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import repeat
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from zoo import Batch, Catalog, Layout, Output, Pretraining, RunFailed
from zoo.core.seeds import seed_of
from zoo.train.loop import fit
from zoo.train.optimizers import Lamb, make_optimizer
from zoo.train.schedule import learning_rate
from zoo.train.step import StepConfig

RECIPE = Pretraining(learning_rate=0.1, tokens=100, batch_tokens=10, sequence_length=8, warmup=0.2, weight_decay=0.5)


def test_the_rate_rises_and_falls_linearly() -> None:
    rates = [learning_rate(step, 10, RECIPE) for step in range(10)]
    assert rates == pytest.approx([0.05, 0.1, 0.1, 0.0875, 0.075, 0.0625, 0.05, 0.0375, 0.025, 0.0125])


def test_biases_and_norms_do_not_decay() -> None:
    model = nn.ModuleDict({"linear": nn.Linear(3, 5), "norm": nn.LayerNorm(5)})
    optimizer = make_optimizer(model, RECIPE)
    decaying = {id(p) for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    assert decaying == {id(model["linear"].weight)}


def test_lamb_takes_the_step_computed_by_hand() -> None:
    weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
    optimizer = Lamb([{"params": [weight], "weight_decay": 0.5}], lr=0.1, betas=(0.9, 0.999), eps=1e-6)
    weight.grad = torch.tensor([[1.0, -2.0]])
    optimizer.step()
    update = [0.1 * g / (math.sqrt(0.001 * g * g) + 1e-6) + 0.5 * w for g, w in ((1.0, 3.0), (-2.0, 4.0))]
    ratio = 5.0 / math.hypot(*update)
    expected = [w - 0.1 * ratio * u for w, u in zip((3.0, 4.0), update, strict=True)]
    assert weight.tolist()[0] == pytest.approx(expected, rel=1e-5)


def lamb_by_hand(
    weight: NDArray[np.float64], gradients: list[NDArray[np.float64]], decay: float, scaled: bool
) -> NDArray[np.float64]:
    """You et al. 2020, arXiv:1904.00962, algorithm 2, without bias correction, in numpy."""
    mean, square = np.zeros_like(weight), np.zeros_like(weight)
    for gradient in gradients:
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        update = mean / (np.sqrt(square) + 1e-6) + decay * weight
        ratio = np.linalg.norm(weight) / np.linalg.norm(update) if scaled else 1.0
        weight = weight - 0.1 * ratio * update
    return weight


@pytest.mark.parametrize("decay", [0.0, 1e-12, 0.5])
@pytest.mark.parametrize("optimizer", ["lamb", "adamw"])
def test_whether_a_layer_is_scaled_depends_on_the_parameter_and_not_on_its_decay(
    decay: float, optimizer: Literal["lamb", "adamw"]
) -> None:
    model = nn.ModuleDict({"linear": nn.Linear(3, 5), "norm": nn.LayerNorm(5), "table": nn.Embedding(7, 3)}).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    recipe = RECIPE.model_copy(update={"optimizer": optimizer, "weight_decay": decay, "bias_correction": False})
    before = {name: parameter.detach().numpy().copy() for name, parameter in model.named_parameters()}
    rng = np.random.default_rng(0)
    gradients = [{name: rng.normal(size=weight.shape) for name, weight in before.items()} for _ in range(4)]
    made = make_optimizer(model, recipe)
    for step in gradients:
        for name, parameter in model.named_parameters():
            parameter.grad = torch.from_numpy(step[name])
        made.step()
    for name, parameter in model.named_parameters():
        matrix = name in ("linear.weight", "table.weight")
        own = [step[name] for step in gradients]
        expected = lamb_by_hand(before[name], own, decay if matrix else 0.0, matrix and optimizer == "lamb")
        np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=1e-9, err_msg=name)


def test_a_matrix_of_zeros_is_not_scaled() -> None:
    weight = nn.Parameter(torch.zeros(1, 2))
    optimizer = Lamb([{"params": [weight]}], lr=0.1, betas=(0.9, 0.999), eps=1e-6)
    weight.grad = torch.tensor([[1.0, -2.0]])
    optimizer.step()
    expected = [-0.1 * 0.1 * g / (math.sqrt(0.001 * g * g) + 1e-6) for g in (1.0, -2.0)]
    assert weight.tolist()[0] == pytest.approx(expected, rel=1e-5)


def test_seeds_depend_on_every_word() -> None:
    assert len({seed_of("a", 1), seed_of("a", 2), seed_of("b", 1), seed_of("a1", ""), seed_of("a")}) == 5
    assert seed_of("masks", 0, 3) == seed_of("masks", 0, 3)


class _Exploding(nn.Module):
    """A model whose loss is infinite at its third step."""

    loss_weights: ClassVar[dict[str, float]] = {}
    kept = None

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.embedding = nn.Identity(), nn.ModuleDict({"tokens": nn.Embedding(2, 1)})
        self.weight = nn.Parameter(torch.ones(()))
        self.steps = 0

    def forward(self, batch: Batch) -> dict[str, Output]:
        self.steps += 1
        loss = self.weight * (math.inf if self.steps == 3 else 1.0)
        return {"acme.loss": Output(loss, torch.zeros(0), torch.zeros(0))}


def _batch() -> Batch:
    zeros = torch.zeros(3, dtype=torch.int64)
    return Batch(zeros, zeros, zeros.bool(), Layout((3,)), zeros)


def test_a_loss_that_is_not_finite_stops_the_run_with_the_step() -> None:
    with pytest.raises(RunFailed, match=r"the loss of acme.loss is inf at step 3 of 5, .*; try a lower learning rate"):
        fit(_Exploding(), repeat(_batch()), RECIPE, 5, lambda done, total: None)  # type: ignore[arg-type]


def test_data_that_end_early_stop_the_run() -> None:
    with pytest.raises(RunFailed, match="the data ended after 2 of 5 steps"):
        fit(_Exploding(), [_batch()] * 2, RECIPE, 5, lambda done, total: None)  # type: ignore[arg-type]


def test_a_head_starts_from_the_pooler_that_an_objective_trained() -> None:
    from zoo.core.specs import HeadConfig
    from zoo.heads import SequenceClassification

    catalog = Catalog.installed()
    variant = catalog.variant("bert-tiny+head.pair=joint+objectives.bert.nsp.pair=joint")
    pretrained = catalog.build(variant)
    head = SequenceClassification(
        variant.dims, HeadConfig(kind="classification", labels=("0", "1"), pair=True, pooling=variant.head)
    )
    model = pretrained.with_head("rte", head)
    trained = pretrained.objective("bert.nsp").pooler
    assert torch.equal(head.pooler.dense.weight, trained.dense.weight)  # type: ignore[union-attr]
    assert head.pooler is not trained
    assert list(model.objectives) == ["rte"]


def test_what_one_part_drops_moves_no_other() -> None:
    from zoo.blocks import initialise
    from zoo.core.specs import HeadConfig, Init
    from zoo.heads import LABEL, SequenceClassification

    def dropped_by_the_head(dropout: float, seed: int) -> torch.Tensor:
        catalog = Catalog.installed()
        variant = catalog.variant(f"bert-tiny+dims.vocab_size=80+dims.dropout={dropout}")
        head = SequenceClassification(variant.dims, HeadConfig(kind="classification", labels=("a", "b")))
        initialise(head, Init(), seed=0)
        seen: list[torch.Tensor] = []
        head.dropout.register_forward_hook(lambda module, given, made: seen.append(made == 0))
        batch = replace(_batch(), labels={LABEL: torch.zeros(1, dtype=torch.int64)})
        model = catalog.build(variant).with_head("task", head)
        fit(model, [batch], RECIPE, 1, lambda done, total: None, StepConfig(seed=seed))
        return seen[0]

    first = dropped_by_the_head(0.1, seed=1)
    assert first.any() and torch.equal(first, dropped_by_the_head(0.3, seed=1))
    assert not torch.equal(first, dropped_by_the_head(0.1, seed=2))
