"""Pruning against torch's own masks, a second formula, and the original with the same parts silenced."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from zoo import Catalog, ZooError, load, save
from zoo.auditing import executed
from zoo.auditing.audit import Settings, audit_variant
from zoo.blocks import initialise
from zoo.compress.pruned import pruned
from zoo.core.batch import Batch, Encoding
from zoo.core.compression import Pruning, kept_layers, n_kept
from zoo.core.meta import without_memory
from zoo.core.specs import Finetuning, HeadConfig, Init
from zoo.model import Model
from zoo.tasks.kinds import make_head
from zoo.text.collate import collate
from zoo.train.loop import fit
from zoo.train.pruning import GradualPruning, gradient_importances, importances, matrices_in, units_in, zero_smallest
from zoo.train.step import StepConfig

SIZES = {"n_layers": 4, "hidden_width": 24, "embedding_width": 24, "n_heads": 4, "ffn_width": 20, "vocab_size": 60}
SMALL_ENOUGH = ("bert-tiny", "albert-tiny", "deberta-tiny", "modernbert-tiny", "electra-tiny", "distilbert-tiny")
HEADS, FFN = Pruning(heads=0.5), Pruning(ffn=0.3)


def model(name: str = "bert-tiny", seed: int = 3) -> Model:
    catalog = Catalog.installed()
    tiny = catalog.variants[name]
    dims = tiny.dims.model_copy(update={**SIZES, "dropout": 0.0, "attention_dropout": 0.0})
    head = make_head(dims, HeadConfig(kind="classification", labels=("a", "b")))
    variant = tiny.swap("small", dims=dims)
    made = catalog.assemble(variant, seed).with_head("task", head)
    initialise(made, Init(linear_std=0.3, embedding_std=0.3), seed)
    return made.eval()


def batch(n: int = 6, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    ids = [rng.integers(5, 60, 3 + number % 4).astype(np.int32) for number in range(n)]
    encodings = [Encoding(each, np.zeros_like(each), np.zeros(len(each), dtype=bool)) for each in ids]
    return collate(encodings, {"task": [number % 2 for number in range(n)]})


def no_batches() -> Iterable[Batch]:
    raise AssertionError("magnitudes read no items")


def answers(of: Model) -> Tensor:
    with torch.no_grad():
        return of(batch())["task"].logits


def made_smaller(of: Model, pruning: Pruning) -> Model:
    return pruned(of, pruning, importances(of, pruning, lambda: [batch()]), Catalog.installed())


@pytest.mark.parametrize("name", SMALL_ENOUGH)
@pytest.mark.parametrize("pruning", [HEADS, FFN, HEADS.model_copy(update={"importance": "gradient"})], ids=str)
def test_a_smaller_model_answers_as_the_original_with_the_same_units_silenced(name: str, pruning: Pruning) -> None:
    whole = model(name)
    small = made_smaller(whole, pruning)
    kept_weights = {tuple(row.tolist()) for its in units_in(small.encoder) for row in its.output.weight.T}
    for its in units_in(whole.encoder):
        columns = torch.tensor([tuple(row.tolist()) in kept_weights for row in its.output.weight.T])
        if its.kind in pruning.takes:
            kept = columns.view(its.n, -1)
            assert (kept.any(dim=1) == kept.all(dim=1)).all()
            assert int(kept.all(dim=1).sum()) == n_kept(its.n, getattr(pruning, its.kind))
            with torch.no_grad():  # what the output layer adds for a silenced unit is zero
                its.output.weight.mul_(columns)
    torch.testing.assert_close(answers(small), answers(whole), atol=1e-5, rtol=1e-5)


def test_heads_of_the_smallest_norm_go_and_keep_their_width() -> None:
    whole = model()
    attention = whole.encoder.layers[1].attention.attention  # type: ignore[union-attr,index]
    with torch.no_grad():
        for layer in (attention.query, attention.key, attention.value):
            layer.weight[6:12] *= 0.01
        attention.output.weight[:, 6:12] *= 0.01
    small = made_smaller(whole, Pruning(heads=0.25))
    dims = small.variant.dims
    assert (dims.n_heads, dims.head_width) == (3, 6)
    left = small.encoder.layers[1].attention.attention  # type: ignore[union-attr,index]
    expected = torch.cat([attention.value.weight[:6], attention.value.weight[12:]])
    assert torch.equal(left.value.weight, expected)


def test_gradient_importance_is_the_mean_of_derivatives_found_by_differences() -> None:
    whole, items = model(), batch(5)
    found = gradient_importances(whole, units_in(whole.encoder), [items])
    whole = whole.double()
    attention = whole.encoder.layers[2].attention.attention  # type: ignore[union-attr,index]

    def losses(factor: float) -> Tensor:
        weight = attention.output.weight.detach().clone()
        with torch.no_grad():
            attention.output.weight[:, 6:12] *= factor
            logits = whole(items)["task"].logits
            attention.output.weight.copy_(weight)
        return nn.functional.cross_entropy(logits, items.labels["task"], reduction="none")

    step = 1e-4
    expected = ((losses(1 + step) - losses(1 - step)) / (2 * step)).abs().mean()
    assert found[4][1].item() == pytest.approx(expected.item(), rel=1e-3)


@pytest.mark.parametrize("scope", ["global", "matrix"])
def test_single_weights_are_those_that_torch_prunes(scope: str) -> None:
    ours, theirs = model(), model()
    zero_smallest(matrices_in(ours.encoder), 0.37, scope)
    layers = [module for module in theirs.encoder.modules() if isinstance(module, nn.Linear)]
    if scope == "global":
        prune.global_unstructured([(one, "weight") for one in layers], prune.L1Unstructured, amount=0.37)
    else:
        for one in layers:
            prune.l1_unstructured(one, "weight", amount=0.37)
    for mine, one in zip(matrices_in(ours.encoder), layers, strict=True):
        assert torch.equal(mine, one.weight)


def test_layers_go_from_the_top_or_evenly() -> None:
    assert kept_layers(4, Pruning(layers=1)) == (0, 1, 2)
    assert kept_layers(12, Pruning(layers=6, layer_choice="alternate")) == (0, 2, 4, 6, 8, 10)
    whole = model()
    batch_states = whole.hidden_states(batch())
    small = made_smaller(whole, Pruning(layers=2))
    torch.testing.assert_close(small.hidden_states(batch())[-1], batch_states[2])


def test_a_pruned_model_is_saved_loaded_and_counted_as_the_smaller_one(tmp_path: Path) -> None:
    catalog, pruning = Catalog.installed(), Pruning(heads=0.5, ffn=0.5, layers=1)
    small = made_smaller(model(), pruning)
    save(small, tmp_path / "small", to="zoo")
    again = load(tmp_path / "small")
    assert torch.equal(answers(again), answers(small))
    audit = audit_variant(catalog, small.variant, Settings())
    with without_memory():
        whole = catalog.assemble(small.variant)
    assert sum(row.stored for row in audit.breakdown) == sum(parameter.numel() for parameter in whole.parameters())
    assert executed(whole) < executed(catalog.assemble(model().variant))
    with pytest.raises(ZooError, match="cannot be expressed in the Hugging Face format"):
        save(small, tmp_path / "hf")
    save(made_smaller(model(), Pruning(ffn=0.5, layers=1)), tmp_path / "hf")


def test_gradual_pruning_follows_the_cubic_schedule_and_stays_at_zero() -> None:
    made, pruning = model(), Pruning(weights=0.8, ffn=0.5, when="during", gradual_share=0.5)
    gradual = GradualPruning(made, pruning, 20, no_batches)
    zeros = []

    def after_step(n_done: int) -> None:
        gradual.after_step(n_done)
        matrices = matrices_in(made.encoder)
        zeros.append(sum(int((m == 0).sum()) for m in matrices) / sum(m.numel() for m in matrices))

    recipe = Finetuning(learning_rate=0.01, warmup=0.0)
    fit(made, repeat(batch()), recipe, 20, lambda done, total: None, StepConfig(seed=1), after_step=after_step)
    alone = [0.8 * (1 - (1 - n / 10) ** 3) for n in range(1, 11)]
    assert all(found >= share - 1e-3 for found, share in zip(zeros, alone, strict=False))
    assert zeros == sorted(zeros) and zeros[9:] == pytest.approx([zeros[9]] * 11)
    small = made_smaller(made.eval(), pruning)
    torch.testing.assert_close(answers(small), answers(made), atol=1e-5, rtol=1e-5)
