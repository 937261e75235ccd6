"""ELECTRA's objectives: losses and gradients by hand, and keyed random numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat

import pytest
import torch

import zoo_bert
import zoo_electra
import zoo_roberta
from zoo import IGNORE, Batch, Catalog, Model, ZooError
from zoo.auditing.closed_form import closed_form
from zoo.auditing.module import module_counts, on_meta
from zoo.blocks import corrupted
from zoo.core.seeds import seed_of
from zoo.testing import DIMS
from zoo.testing.material import ragged_batch
from zoo.train.evaluation import evaluate
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer
from zoo.train.step import StepConfig

CATALOG = Catalog.of(zoo_bert, zoo_roberta, zoo_electra)
GENERATOR, REPLACED = "electra.generator", "electra.rtd"
SIZES = DIMS.model_copy(update={"embedding_width": DIMS.hidden_width, "attention_dropout": 0.0})


def model(more: str = "") -> Model:
    variant = CATALOG.variant(f"electra-tiny+objectives.electra.generator.size=0.25{more}")
    return CATALOG.build(variant.swap(variant.name, dims=SIZES))


def batch(**how: object) -> Batch:
    """Every third token masked, its id to be found."""
    whole = ragged_batch(SIZES.vocab_size, {}, **how)  # type: ignore[arg-type]
    return replace(whole, ids=torch.where(whole.targets != IGNORE, 4, whole.ids))


def test_the_encoder_reads_the_generators_samples_and_all_losses_are_those_of_the_paper() -> None:
    electra, given = model().eval(), batch()
    generator, replaced = electra.objective(GENERATOR), electra.objective(REPLACED)
    outputs = electra(given)
    masked = given.targets != IGNORE

    logits = outputs[GENERATOR].logits
    originals = given.targets[masked]
    by_hand = -sum(logits[m].log_softmax(0)[token] for m, token in enumerate(originals)) / len(originals)
    torch.testing.assert_close(outputs[GENERATOR].loss, by_hand)

    corrupted = outputs[GENERATOR].corrupted
    assert corrupted is not None
    assert torch.equal(corrupted.ids[~masked], given.ids[~masked])
    assert (corrupted.ids[masked] != 4).any()
    hidden = electra.encoder(electra.embedding(corrupted), corrupted.layout)
    score = replaced.output(torch.nn.functional.gelu(replaced.dense(hidden)))[:, 0]  # type: ignore[operator]
    torch.testing.assert_close(outputs[REPLACED].logits, score)
    is_replaced = [bool(m) and int(new) != int(old) for m, new, old in zip(masked, corrupted.ids, given.targets)]  # noqa: B905
    terms = [-math.log(p if bad else 1 - p) for p, bad in zip(score.sigmoid().tolist(), is_replaced, strict=True)]
    assert outputs[REPLACED].loss.item() == pytest.approx(sum(terms) / len(given.ids), rel=1e-5)
    assert electra.loss_weights == {GENERATOR: 1.0, REPLACED: 50.0}
    small, large = (sum(p.numel() for p in part.encoder.parameters()) for part in (generator, electra))  # type: ignore[union-attr]
    assert small < large / 4


def test_no_gradient_of_the_discriminator_reaches_the_generator() -> None:
    electra = model().eval()
    electra(batch())[REPLACED].loss.backward()
    assert all(p.grad is None for p in electra.objective(GENERATOR).parameters())
    assert all(p.grad is not None for p in electra.encoder.parameters())


@pytest.mark.parametrize(("shared", "reached"), [("true", True), ("false", False)])
def test_a_generator_trains_the_models_embeddings_where_it_shares_them(shared: str, reached: bool) -> None:
    electra = model(f"+objectives.electra.generator.shared={shared}").eval()
    electra(batch())[GENERATOR].loss.backward()
    assert (electra.embedding.tokens.weight.grad is not None) is reached
    assert all(p.grad is not None for p in electra.objective(GENERATOR).parameters())


def test_a_token_that_is_drawn_as_it_was_counts_as_not_replaced() -> None:
    electra, given = model().eval(), batch()
    same = replace(given, ids=torch.where(given.targets != IGNORE, given.targets, given.ids))
    output = electra.objective(REPLACED)(torch.randn(len(given.ids), SIZES.hidden_width), same, torch.empty(0))
    assert output.targets.sum() == 0


def test_replacements_follow_the_generators_distribution() -> None:
    n = 40_000
    chances = torch.tensor([0.0, 0.1, 0.2, 0.0, 0.7])
    one = batch(lengths=(n,))
    one = replace(one, targets=torch.ones_like(one.ids))
    drawn = corrupted(one, chances.log().expand(n, -1)).ids
    counts = torch.bincount(drawn, minlength=5) / n
    for share, chance in zip(counts.tolist(), chances.tolist(), strict=True):
        assert abs(share - chance) <= 4 * math.sqrt(chance * (1 - chance) / n)


def test_what_is_drawn_depends_on_the_seed_the_purpose_and_the_sequence_alone() -> None:
    given = replace(batch(), seed=3)
    drawn = given.uniform("x")
    assert torch.equal(drawn, given.uniform("x")) and drawn.shape == given.ids.shape
    assert not torch.equal(drawn, given.uniform("y"))
    assert not torch.equal(drawn, replace(given, seed=4).uniform("x"))
    assert given.uniform("x", 2, 5).shape == (len(given.ids), 2, 5)
    for index in range(3):
        part = given.micro_batch(index, 3)
        numbered = replace(given, ids=torch.arange(len(given.ids)))
        assert torch.equal(part.uniform("x"), drawn[numbered.micro_batch(index, 3).ids])


def steps(accumulate: int, n_steps: int = 3) -> tuple[Model, list[dict[str, float]]]:
    electra = model()
    how = StepConfig(gradient_accumulation_steps=accumulate, seed=seed_of("electra"))
    recipe = electra.variant.pretraining
    made = train(electra, make_optimizer(electra, recipe), repeat(batch()), recipe, n_steps, how=how)
    return electra, [step.losses for step in made]


def test_micro_batches_are_corrupted_as_the_whole_batch_is_and_train_the_same_model() -> None:
    (whole, losses), (parts, losses_of_parts) = steps(1), steps(2)
    for one, other in zip(losses, losses_of_parts, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], tensor, atol=2e-4, rtol=1e-3, msg=name)


def test_every_step_draws_anew_and_the_same_steps_draw_the_same() -> None:
    def corrupted(seed: int | None) -> Iterator[list[int]]:
        electra = model()
        electra.loss_weights = dict.fromkeys(electra.objective_names, 0.0)
        seen: list[list[int]] = []
        electra.embedding.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].ids.tolist()))
        recipe = electra.variant.pretraining.model_copy(update={"learning_rate": 1e-12, "clip_norm": 0.0})
        list(train(electra, make_optimizer(electra, recipe), repeat(batch()), recipe, 2, how=StepConfig(seed=seed)))
        yield from seen

    first, second = corrupted(1)
    assert first != second
    assert [first, second] == list(corrupted(1))
    assert first not in list(corrupted(2))


def test_evaluation_repeats() -> None:
    electra = model()
    scores = evaluate(electra, [batch()])
    assert scores == evaluate(electra, [batch()])
    assert scores[REPLACED].predictions == len(batch().ids)
    assert scores[GENERATOR].predictions == int((batch().targets != IGNORE).sum())


def test_detection_without_a_generator_is_refused_before_any_work() -> None:
    lonely = CATALOG.variant("electra-tiny+objectives=electra.rtd")
    with pytest.raises(ZooError, match=r"'electra.rtd' needs tokens that another objective has corrupted"):
        CATALOG.check(lonely)
    CATALOG.check(CATALOG.variant("electra-tiny"))


def test_a_generator_is_not_taken_for_the_models_masked_language_head() -> None:
    counts = module_counts(on_meta(CATALOG, CATALOG.variant("electra-tiny")))
    assert counts.mlm is None and counts.pretraining > counts.encoder


def corrupted_batch() -> tuple[Batch, torch.Tensor]:
    """Two of three masked tokens replaced, one drawn as it was; hidden states [T, H]."""
    given = batch()
    masked = (given.targets != IGNORE).nonzero()[:, 0]
    ids = given.ids.clone()
    ids[masked] = (given.targets[masked] + (torch.arange(len(masked)) % 3 != 0)) % SIZES.vocab_size
    torch.manual_seed(1)
    return replace(given, ids=ids), torch.randn(len(ids), SIZES.hidden_width)


def test_electra_15_percent_counts_the_masked_tokens_alone() -> None:
    given, hidden = corrupted_batch()
    whole = model().eval().objective(REPLACED)
    part = model("+objectives.electra.rtd.over=masked").eval().objective(REPLACED)
    part.load_state_dict(whole.state_dict())
    every, few = (objective(hidden, given, torch.empty(0)) for objective in (whole, part))
    masked = given.targets != IGNORE
    torch.testing.assert_close(few.logits, every.logits[masked])
    chances = every.logits[masked].sigmoid()
    is_replaced = given.ids[masked] != given.targets[masked]
    assert 0 < is_replaced.sum() < len(is_replaced)
    torch.testing.assert_close(few.loss, -torch.where(is_replaced, chances, 1 - chances).log().mean())
    assert part.n_targets(given) == masked.sum()


def original(over: str) -> tuple[torch.nn.Module, torch.Tensor]:
    options = f"+objectives=electra.generator,electra.original+objectives.electra.original.over={over}"
    electra = model(options).eval()
    return electra.objective("electra.original"), electra.embedding.tokens.weight


def test_replace_mlm_predicts_the_masked_tokens_from_what_stands_in_their_place() -> None:
    given, hidden = corrupted_batch()
    objective, table = original("masked")
    found = objective(hidden, given, table)
    masked = given.targets != IGNORE
    logits = objective.head(hidden[masked], table)  # type: ignore[operator]
    torch.testing.assert_close(found.loss, torch.nn.functional.cross_entropy(logits, given.targets[masked]))


def test_all_tokens_mlm_mixes_copying_with_predicting_as_the_paper_says() -> None:
    """Section 3.4: D times what is read plus 1 - D times the softmax, a distribution over the vocabulary."""
    given, hidden = corrupted_batch()
    objective, table = original("all")
    found = objective(hidden, given, table)
    total = 0.0
    for at, read in enumerate(given.ids.tolist()):
        wanted = read if given.targets[at] == IGNORE else int(given.targets[at])
        gate = objective.copy(hidden[at]).sigmoid().item()  # type: ignore[operator]
        softmax = objective.head(hidden[at, None], table)[0].softmax(0)  # type: ignore[operator]
        total -= math.log(gate * (wanted == read) + (1 - gate) * softmax[wanted].item())
    assert found.loss.item() == pytest.approx(total / len(given.ids), rel=1e-5)
    assert objective.n_targets(given) == len(given.ids)  # type: ignore[operator]
    torch.testing.assert_close(found.logits.exp().sum(1), torch.ones(len(given.ids)))


@pytest.mark.parametrize("more", ["rtd.over=masked", "original.over=all", "original.over=masked"])
def test_what_the_audit_counts_is_what_is_built(more: str) -> None:
    objectives = "" if "rtd" in more else "+objectives=electra.generator,electra.original"
    variant = CATALOG.variant(f"electra-tiny{objectives}+objectives.electra.{more}")
    assert closed_form(CATALOG, variant).counts == module_counts(on_meta(CATALOG, variant))
