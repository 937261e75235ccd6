"""What fine-tuning may do besides following the gradient, against other libraries and second formulas."""

from __future__ import annotations

from itertools import pairwise, repeat
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor

import zoo.train.loop
from zoo import Catalog, Finetuning, ZooError
from zoo.blocks import initialise
from zoo.blocks.depth import by_depth
from zoo.core.batch import Batch, Encoding
from zoo.core.specs import HeadConfig, Init, Techniques
from zoo.experiments.plan.inputs import finetuning_inputs
from zoo.model import Model
from zoo.tasks.kinds import make_head
from zoo.tasks.task import Example
from zoo.text.collate import collate
from zoo.train.finetune import divided
from zoo.train.loop import FREED_EVERY, fit
from zoo.train.optimizers import make_optimizer
from zoo.train.step import StepConfig, set_rate
from zoo.train.techniques import BestWeights, balanced, dropping_layers, freeze_lowest, known_to_loss, reinitialize

CLASSES = ("a", "b", "c")
SIZES = {"n_layers": 3, "hidden_width": 24, "embedding_width": 24, "n_heads": 2, "ffn_width": 20, "vocab_size": 60}


def model(
    dropout: float = 0.0,
    seed: int = 3,
    width: int = 24,
    kind: str = "classification",
    labels: tuple[str, ...] = CLASSES,
) -> Model:
    catalog = Catalog.installed()
    tiny = catalog.variants["bert-tiny"]
    sizes = {**SIZES, "hidden_width": width, "embedding_width": width}
    dims = tiny.dims.model_copy(update={**sizes, "dropout": dropout, "attention_dropout": dropout})
    pooling = tiny.head.model_copy(update={"dropout": dropout})
    head = make_head(dims, HeadConfig(kind=kind, labels=labels, pooling=pooling))
    initialise(head, Init(linear_std=0.3), seed)
    variant = tiny.swap("small", dims=dims, init=Init(linear_std=0.3, embedding_std=0.3))
    return catalog.assemble(variant, seed).with_head("task", head)


def batch(n: int = 6, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    ids = [rng.integers(5, 60, 3 + number % 4).astype(np.int32) for number in range(n)]
    encodings = [Encoding(each, np.zeros_like(each), np.zeros(len(each), dtype=bool)) for each in ids]
    return collate(encodings, {"task": [number % 3 % 2 for number in range(n)]})


def weights(of: Model) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in of.state_dict().items()}


def trained(of: Model, n_steps: int, **techniques: Any) -> list[dict[str, Tensor]]:
    """The weights after each step, and in the end those that are kept."""
    seen: list[dict[str, Tensor]] = []
    recipe = Finetuning(learning_rate=0.01, warmup=0.0, **techniques)
    fit(of, repeat(batch()), recipe, n_steps, lambda done, total: seen.append(weights(of)), StepConfig(seed=1))
    return [*seen, weights(of)]


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """The parts that changed: embedding, layer 0, ..., objectives."""
    names = {name for name in before if not torch.equal(before[name], after[name])}
    return {name.split(".")[2] if name.startswith("encoder.layers") else name.split(".")[0] for name in names}


def test_depths_hold_each_parameter_once_from_the_embedding_to_the_head() -> None:
    made = model()
    depths = by_depth(made, 3)
    named = {parameter: name for name, parameter in made.named_parameters()}
    prefixes = ["embedding.", "encoder.layers.0.", "encoder.layers.1.", "encoder.layers.2.", "objectives."]
    for prefix, depth in zip(prefixes, depths, strict=True):
        assert depth and {named[parameter] for parameter in depth} == {
            n for n in named.values() if n.startswith(prefix)
        }


def test_a_layers_rate_is_a_share_of_the_rate_above() -> None:
    made, recipe = model(), Finetuning(learning_rate=1.0, layer_decay=0.5)
    optimizer = make_optimizer(made, recipe)
    set_rate(optimizer, 0.8)
    rate_of = {parameter: group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
    rates = [{rate_of[parameter] for parameter in depth} for depth in by_depth(made, 3)]
    assert rates == [{0.05}, {0.1}, {0.2}, {0.4}, {0.8}]


def test_the_first_adam_step_moves_each_depth_by_its_rate() -> None:
    made = model()
    before = weights(made)
    after = trained(made, 1, layer_decay=0.5, weight_decay=0.0, clip_norm=0.0, epsilon=1e-12)[-1]
    names = ["encoder.layers.0.attention.attention.query.weight", "encoder.layers.2.attention.attention.query.weight"]
    low, high = ((after[name] - before[name]).abs().median() for name in names)
    torch.testing.assert_close(torch.stack([low, high]), torch.tensor([0.00125, 0.005]), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("n", "expected"), [(0, {"0", "1", "2", "objectives"}), (2, {"2", "objectives"})])
def test_frozen_layers_stay_as_they_were(n: int, expected: set[str]) -> None:
    made = model()
    before = weights(made)
    freeze_lowest(made, n)
    assert moved(before, trained(made, 2)[-1]) == expected


def test_layers_begin_to_learn_from_the_top_the_embedding_last() -> None:
    made = model()
    before = weights(made)
    seen = trained(made, 10, unfreezing=0.8)  # 4 depths below the head over 8 steps
    begun = [moved(before, after) for after in seen]
    assert begun[0] == begun[1] == {"objectives"}
    assert begun[2] == begun[3] == {"2", "objectives"}
    assert begun[5] == {"1", "2", "objectives"} and begun[7] == {"0", "1", "2", "objectives"}
    assert begun[8] == {"embedding", "0", "1", "2", "objectives"}


def test_reinitialized_layers_are_those_of_the_fresh_model_norms_too() -> None:
    made, fresh = model(seed=3), model(seed=4)
    trained(made, 2)
    before = weights(made)
    reinitialize(made, fresh, 2)
    assert moved(before, weights(made)) == {"1", "2"}
    for name in ("encoder.layers.2.attention.norm.weight", "encoder.layers.1.feedforward.norm.bias"):
        assert torch.equal(made.state_dict()[name], fresh.state_dict()[name])


def test_the_loss_smooths_labels_and_weighs_classes_as_torch_does() -> None:
    made, asked = model(), batch()
    head = made.objective("task")
    labels = asked.labels["task"]
    known_to_loss(head, Techniques(label_smoothing=0.2, class_weights="balanced"), labels.tolist())  # type: ignore[arg-type]
    output = made(asked)["task"]
    known = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels.numpy())
    own = torch.tensor([*known, 1.0], dtype=torch.float32)
    losses = F.cross_entropy(output.logits, labels, own, label_smoothing=0.2, reduction="none")
    torch.testing.assert_close(output.loss, losses.mean())


def test_balanced_weights_are_those_of_scikit_learn_and_one_in_the_mean() -> None:
    labels = [0] * 5 + [1] * 2 + [2]
    found = balanced({0: 5, 1: 2, 2: 1}, 3)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=np.array(labels))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert found[labels].mean().item() == pytest.approx(1.0)


def test_balanced_weights_do_not_show_in_saved_weights() -> None:
    made = model()
    names = {*made.state_dict()}
    known_to_loss(made.objective("task"), Techniques(class_weights="balanced"), [0, 0, 1])  # type: ignore[arg-type]
    assert {*made.state_dict()} == names


def test_r_drop_adds_the_divergence_of_two_passes() -> None:
    logits: list[Tensor] = []
    made = model(dropout=0.3)
    made.objective("task").register_forward_hook(lambda _, __, output: logits.append(output.logits.detach()))
    step = fit(
        made, repeat(batch()), Finetuning(learning_rate=1e-3, r_drop=2.0), 1, lambda a, b: None, StepConfig(seed=1)
    )
    one, other = (torch.distributions.Categorical(logits=each) for each in logits)
    divergence = torch.distributions.kl_divergence(one, other) + torch.distributions.kl_divergence(other, one)
    labels = batch().labels["task"]
    expected = (-one.log_prob(labels) - other.log_prob(labels) + 2.0 * divergence / 2).mean() / 2
    assert not torch.equal(*logits) and step.losses["task"] == [pytest.approx(expected.item(), rel=1e-5)]


def test_r_drop_without_dropout_changes_nothing() -> None:
    plain, twice = trained(model(), 3)[-1], trained(model(), 3, r_drop=5.0)[-1]
    for name in plain:
        torch.testing.assert_close(plain[name], twice[name])


@pytest.mark.parametrize(("share", "n"), [(1.0, 5), (0.4, 2), (0.01, 1)])
def test_the_mean_of_the_last_weights_is_kept(share: float, n: int) -> None:
    *steps, kept = trained(model(), 5, averaged_share=share)
    for name in kept:
        torch.testing.assert_close(kept[name], torch.stack([each[name] for each in steps[-n:]]).mean(dim=0))


def test_the_exponential_mean_weighs_recent_weights_more() -> None:
    *steps, kept = trained(model(), 4, ema_decay=0.7)
    shares = torch.tensor([0.7**3, 0.7**2, 0.7, 1.0])
    shares /= shares.sum()
    for name in kept:
        expected = sum(share * each[name] for share, each in zip(shares, steps, strict=True))
        torch.testing.assert_close(kept[name], torch.as_tensor(expected))


def test_early_stopping_keeps_the_best_and_stops_after_its_patience() -> None:
    made, seen = model(), []
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.3, 9.0])

    def progress(done: int, total: int) -> None:
        seen.append(weights(made))

    recipe = Finetuning(learning_rate=0.01, early_stopping=0.2, patience=3)
    history = fit(made, repeat(batch()), recipe, 20, progress, StepConfig(seed=1), lambda: next(scores))
    assert (history.n_steps, history.best_step) == (10, 4)
    assert not moved(seen[3], weights(made))


def test_a_run_shorter_than_ten_steps_is_scored_after_each() -> None:
    made = model()
    keeper = BestWeights(made, iter([1.0, 2.0]).__next__, 2, patience=3)
    assert not keeper.stops(1) and not keeper.stops(2) and keeper.best_step == 2


def test_held_out_items_are_drawn_once_and_never_all() -> None:
    items = [Example(f"text {n}", None, n % 2) for n in range(10)]
    kept, held = divided(items, 0.25, seed=1)
    assert (
        len(held) == 2 and sorted([*kept, *held], key=items.index) == items and (kept, held) == divided(items, 0.25, 1)
    )
    assert divided(items, 0.25, seed=2) != (kept, held) and divided(items, None, 1) == (items, [])
    with pytest.raises(ZooError, match="there is only one"):
        divided(items[:1], 0.5, seed=1)


def test_a_result_depends_on_a_technique_only_where_the_loss_knows_it() -> None:
    plain, smooth = Finetuning(learning_rate=1.0), Finetuning(learning_rate=1.0, label_smoothing=0.1, patience=7)
    assert finetuning_inputs(smooth.in_loss(set()), set()) == finetuning_inputs(plain, set())
    assert finetuning_inputs(smooth, set()) != finetuning_inputs(plain, set())
    decayed = plain.model_copy(update={"layer_decay": 0.9})
    assert finetuning_inputs(decayed.in_loss(set()), set()) != finetuning_inputs(plain, set())


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("bert-tiny+finetuning.frozen_layers=99", "frozen_layers=99 is more than its"),
        ("bert-tiny+finetuning.reinitialized_layers=99", "reinitialized_layers=99 is more"),
        ("albert-tiny+finetuning.layer_decay=0.9", "no nn.ModuleList with one entry per layer"),
        ("bert-tiny+finetuning.ema_decay=0.9+finetuning.early_stopping=0.1", "give one of them"),
        ("bert-tiny+finetuning.layer_decay=1.5", "layer_decay"),
    ],
)
def test_layers_that_are_not_there_and_choices_that_contradict_are_refused(expression: str, problem: str) -> None:
    catalog = Catalog.installed()
    with pytest.raises(ZooError, match=problem):
        catalog.check(catalog.variant(expression), [catalog.task("micro-sentiment")])


def test_layers_are_left_out_as_often_as_asked_in_training_alone() -> None:
    made = model(dropout=0.1)
    made.train()
    hidden, layout = made.embedding(batch()), batch().layout
    left_out = []
    with dropping_layers(made, Finetuning(learning_rate=1.0, layer_drop=0.3), seed=2):
        for _ in range(400):
            states = [hidden, *made.encoder.states(hidden, layout)]
            left_out.append([torch.equal(one, other) for one, other in pairwise(states)])
        made.eval()
        expected = made.encoder(hidden, layout)
    torch.testing.assert_close(expected, model().eval().encoder(hidden, layout))
    shares = np.mean(left_out, axis=0)
    assert shares.shape == (3,) and np.all(np.abs(shares - 0.3) < 0.1)  # four standard errors
    assert len({tuple(each) for each in left_out}) == 8  # each by itself
    made.train()
    assert not any(torch.equal(hidden, state) for state in made.encoder.states(hidden, layout))


def test_what_layers_are_left_out_repeats_and_moves_no_other_draw() -> None:
    one, other = (trained(model(dropout=0.2), 4, layer_drop=0.5)[-1] for _ in range(2))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    plain, never = (trained(model(dropout=0.2), 4, **fields)[-1] for fields in ({}, {"layer_drop": 1e-9}))
    assert all(torch.equal(value, never[name]) for name, value in plain.items())
    assert moved(plain, one)


def test_layers_that_share_weights_are_not_left_out() -> None:
    catalog = Catalog.installed()
    with pytest.raises(ZooError, match="SharedStack has no layers as those of"):
        catalog.check(catalog.variant("albert-tiny+finetuning.layer_drop=0.2"))
    with pytest.raises(ZooError, match="layer_drop: input should be less than 1"):
        catalog.variant("bert-tiny+finetuning.layer_drop=1.0")


def test_memory_that_steps_freed_is_given_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(zoo.train.loop, "give_back_freed", lambda: events.append("given"))
    recipe = Finetuning(learning_rate=1e-3)
    fit(model(), repeat(batch()), recipe, 2 * FREED_EVERY, lambda done, total: events.append("step"))
    assert events == [*["step"] * (FREED_EVERY - 1), "given", "step"] * 2
