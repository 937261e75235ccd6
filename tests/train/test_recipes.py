"""Recipes as the papers state them: optimizers, schedules, phases, and how they are scaled down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from zoo import IGNORE, Catalog, Pretraining, diff
from zoo.core import prefetch as ahead
from zoo.core.corpus import TokenCorpus
from zoo.core.prefetch import prefetch
from zoo.machine.compute import Compute
from zoo.pretraining.settings import scaled
from zoo.text.pretraining_data import DataPosition, PretrainingData
from zoo.text.tokenizing import tokenize
from zoo.train.evaluation import evaluate
from zoo.train.loop import train
from zoo.train.optimizers import Lamb, make_optimizer
from zoo.train.prefetch import BatchStream
from zoo.train.schedule import learning_rate
from zoo.train.step import StepConfig
from zoo_bert.masking import StaticMasking
from zoo_bert.packing import SegmentPair
from zoo_bert.tokenizer import WordPiece

CATALOG = Catalog.installed()
RECIPE = Pretraining(learning_rate=0.1, tokens=100, batch_tokens=10, sequence_length=8, warmup=0.2, weight_decay=0.5)


def changed(recipe: Pretraining, **fields: Any) -> Pretraining:
    return recipe.model_copy(update=fields)


def test_a_quadratic_fall_is_the_square_of_what_remains() -> None:
    rates = [learning_rate(step, 10, changed(RECIPE, decay_power=2.0)) for step in range(10)]
    assert rates == pytest.approx([0.05, 0.1, 0.1, *(0.1 * (n / 8) ** 2 for n in range(7, 0, -1))])


def moved(recipe: Pretraining, n_steps: int) -> torch.Tensor:
    """A matrix after steps of fixed gradients."""
    weight = nn.Parameter(torch.linspace(-1, 1, 6).reshape(2, 3))
    module = nn.Module()
    module.weight = weight
    optimizer = make_optimizer(module, recipe)
    generator = torch.Generator().manual_seed(0)
    for _ in range(n_steps):
        weight.grad = torch.randn(2, 3, generator=generator)
        optimizer.step()
    return weight.detach()


def test_bert_takes_the_step_without_bias_correction_computed_by_hand() -> None:
    weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
    module = nn.Module()
    module.weight = weight
    optimizer = make_optimizer(module, changed(RECIPE, bias_correction=False))
    weight.grad = torch.tensor([[1.0, -2.0]])
    optimizer.step()
    update = [0.1 * g / (math.sqrt(0.001 * g * g) + 1e-6) + 0.5 * w for g, w in ((1.0, 3.0), (-2.0, 4.0))]
    assert weight.tolist()[0] == pytest.approx([w - 0.1 * u for w, u in zip((3.0, 4.0), update, strict=True)])


def test_with_bias_correction_our_own_adam_is_torchs() -> None:
    weight = nn.Parameter(torch.linspace(-1, 1, 6).reshape(2, 3))
    optimizer = Lamb(
        [{"params": [weight], "weight_decay": 0.5}], lr=0.1, betas=(0.9, 0.999), eps=1e-6, bias_correction=True,
        scaled=False,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        weight.grad = torch.randn(2, 3, generator=generator)
        optimizer.step()
    torch.testing.assert_close(weight.detach(), moved(RECIPE, 5))


def test_berts_recipe_is_a_million_steps_of_two_lengths() -> None:
    recipe = CATALOG.variant("bert-base-uncased").pretraining
    assert recipe.steps == 1_000_000
    assert recipe.short_steps == 900_000
    assert recipe.short_batch_tokens == 256 * 128
    assert recipe.tokens / recipe.steps == pytest.approx(42_598, abs=1)


@pytest.mark.parametrize(
    ("name", "steps", "rate", "warmup", "kind"),
    [
        ("bert-base-uncased", 1_000_000, 1e-4, 10_000, "adamw"),
        ("roberta-base", 500_000, 6e-4, 24_000, "adamw"),
        ("roberta-large", 500_000, 4e-4, 30_000, "adamw"),
        ("albert-base-v1", 125_000, 1.76e-3, 3_125, "lamb"),
    ],
)
def test_a_familys_recipe_is_its_papers(name: str, steps: int, rate: float, warmup: int, kind: str) -> None:
    recipe = CATALOG.variant(name).pretraining
    assert (recipe.steps, recipe.learning_rate, recipe.optimizer) == (steps, rate, kind)
    assert round(recipe.warmup * recipe.steps) == warmup


@pytest.mark.parametrize("name", ["bert-base-uncased", "roberta-base", "albert-base-v1", "bert-mini"])
def test_a_recipe_is_scaled_by_its_tokens_and_little_else_changes(name: str) -> None:
    variant = CATALOG.variant(name)
    small = scaled(variant, 1_000_000, None, None)
    fields = {f"pretraining.{field}" for field in ("tokens", "batch_tokens", "learning_rate")}
    assert set(diff(variant, small)) <= fields
    assert small.pretraining.steps >= 249
    ratio = small.pretraining.batch_tokens / variant.pretraining.batch_tokens
    assert small.pretraining.learning_rate == pytest.approx(variant.pretraining.learning_rate * math.sqrt(ratio))


def test_steps_and_batches_can_be_given() -> None:
    variant = CATALOG.variant("bert-base-uncased")
    assert scaled(variant, None, 700, None).pretraining.steps == 700
    given = scaled(variant, 10_000_000, None, 2_048).pretraining
    assert (given.batch_tokens, given.learning_rate) == (2_048, variant.pretraining.learning_rate)
    assert scaled(variant, None, None, None) == variant


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece.train([" ".join(f"w{chr(97 + i)}" for i in range(26))] * 2, 80)


@pytest.fixture(scope="module")
def corpus(tokenizer: WordPiece) -> TokenCorpus:
    rng = np.random.default_rng(0)
    words = [f"w{chr(97 + i)}" for i in range(26)]
    return tokenize([[" ".join(rng.choice(words, 7)) for _ in range(5)] for _ in range(60)], tokenizer)


def feed(corpus: TokenCorpus, tokenizer: WordPiece, recipe: Pretraining) -> BatchStream:
    def make(length: int, batch_tokens: int) -> PretrainingData:
        return PretrainingData(
            corpus, tokenizer, SegmentPair(short_seq_prob=0.0), {}, StaticMasking(2), sequence_length=length,
            batch_tokens=batch_tokens, seed=3,
        )  # fmt: skip

    return BatchStream(make, recipe)


def test_nine_of_ten_steps_read_short_sequences_and_any_step_can_be_the_first(
    corpus: TokenCorpus, tokenizer: WordPiece
) -> None:
    recipe = changed(RECIPE, tokens=20_000, batch_tokens=640, sequence_length=32, short_length=16)
    source = feed(corpus, tokenizer, recipe)
    made = list(islice(source.starting_at(0, DataPosition()), recipe.steps))
    longest = [max(batch.layout.lengths) for batch, _ in made]
    assert recipe.steps == 57 and recipe.short_steps == 51
    assert max(longest[:51]) <= 16 < min(longest[51:])
    sequences = [batch.layout.n_sequences for batch, _ in made]
    assert abs(np.mean(sequences[:51]) / np.mean(sequences[51:]) - 1) < 0.4  # whole sentences fill them unequally
    for step in (1, 30, 50, 51, 52, 56):
        again = source.starting_at(step, made[step - 1][1])
        assert all(
            torch.equal(a.ids, b.ids) and place == other
            for (a, place), (b, other) in zip(made[step:], again, strict=False)
        )


def test_items_made_ahead_are_the_same_and_the_thread_ends() -> None:
    closed = []

    def numbers() -> Iterator[int]:
        try:
            yield from range(10_000)
        finally:
            closed.append(True)

    assert list(prefetch(iter(range(50)), 7)) == list(range(50))
    early = prefetch(numbers(), 3)
    assert [next(early), next(early)] == [0, 1]
    early.close()  # type: ignore[attr-defined]
    assert not [thread for thread in __import__("threading").enumerate() if thread.name == "zoo-feed"]


def test_items_that_never_come_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    more = Event()

    def slow() -> Iterator[int]:
        yield 1
        more.wait()

    monkeypatch.setattr(ahead, "LONGEST_WAIT", 0.01)
    items = prefetch(slow(), 1)
    assert next(items) == 1
    closing = Thread(target=items.close, daemon=True)  # type: ignore[attr-defined]
    closing.start()
    closing.join(10)
    assert not closing.is_alive() and items._worker.is_alive()  # type: ignore[attr-defined]
    more.set()


def test_what_fails_while_items_are_made_ahead_is_raised_where_they_are_used() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    items = prefetch(failing(), 2)
    assert next(items) == 1
    with pytest.raises(ValueError, match="no more"):
        next(items)


def gradients(corpus: TokenCorpus, tokenizer: WordPiece, accumulate: int, weight: float = 1.0) -> torch.Tensor:
    """The gradients of a first step, by way of how far plain gradient descent moves."""
    options = f"+dims.vocab_size=80+pretraining.clip_norm=0+objectives.bert.nsp.weight={weight}"
    variant = CATALOG.variant(f"bert-tiny{options if weight != 1 else options.rpartition('+')[0]}")
    torch.manual_seed(0)
    model = CATALOG.build(variant)
    data = PretrainingData(
        corpus, tokenizer, SegmentPair(), {"nsp": model.objective("bert.nsp").prepare}, StaticMasking(2),
        sequence_length=32, batch_tokens=640, seed=3,
    )  # fmt: skip
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    recipe = changed(RECIPE, learning_rate=1.0, warmup=0.0, clip_norm=0.0)
    descent = torch.optim.SGD(model.parameters(), lr=1.0)
    list(train(model, descent, data, recipe, 1, how=StepConfig(gradient_accumulation_steps=accumulate, seed=1)))
    return before - torch.cat([p.detach().flatten() for p in model.parameters()])


def test_micro_batches_add_up_to_the_gradient_of_the_large_batch(corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    whole = gradients(corpus, tokenizer, 1)
    for n_micro in (2, 5):
        torch.testing.assert_close(gradients(corpus, tokenizer, n_micro), whole, atol=2e-5, rtol=1e-4)


def test_a_weight_scales_its_objectives_gradient(corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    one, half, quarter = (gradients(corpus, tokenizer, 1, weight) for weight in (1.0, 0.5, 0.25))
    torch.testing.assert_close(half - quarter, 0.5 * (one - half), atol=2e-6, rtol=1e-3)
    assert not torch.allclose(one, half)


def test_bf16_follows_fp32(corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    curves = []
    for precision in ("fp32", "bf16"):
        torch.manual_seed(0)
        model = CATALOG.build(CATALOG.variant("bert-tiny+dims.vocab_size=80+objectives=bert.mlm"))
        data = PretrainingData(
            corpus, tokenizer, SegmentPair(), {}, StaticMasking(2), sequence_length=32, batch_tokens=640, seed=3
        )
        recipe = changed(RECIPE, learning_rate=1e-3)
        how = StepConfig(compute=Compute.model_validate({"precision": precision}), seed=1)
        optimizer = make_optimizer(model, recipe)
        curves.append([step.losses["bert.mlm"] for step in train(model, optimizer, data, recipe, 15, how=how)])
        assert all(p.dtype == torch.float32 for p in model.parameters())
        scores = evaluate(model, islice(data.epoch(1), 2), how.compute)
        assert math.isfinite(scores["bert.mlm"].perplexity)
    assert curves[0] == pytest.approx(curves[1], abs=0.05)
    assert curves[0] != curves[1]


def test_an_evaluation_is_the_mean_over_all_predictions(corpus: TokenCorpus, tokenizer: WordPiece) -> None:
    model = CATALOG.build(CATALOG.variant("bert-tiny+dims.vocab_size=80"))
    data = PretrainingData(
        corpus, tokenizer, SegmentPair(), {"nsp": model.objective("bert.nsp").prepare}, StaticMasking(2),
        sequence_length=32, batch_tokens=640, seed=3,
    )  # fmt: skip
    few = list(islice(data.epoch(0), 3))
    scores = evaluate(model, few)
    with torch.no_grad():
        outputs = [model.eval()(batch) for batch in few]
    for name, score in scores.items():
        logits = torch.cat([output[name].logits for output in outputs])
        targets = torch.cat([output[name].targets for output in outputs])
        assert score.loss == pytest.approx(nn.functional.cross_entropy(logits, targets).item(), rel=1e-5)
        right = (logits.argmax(1) == targets)[targets != IGNORE]
        assert score.accuracy == pytest.approx(right.float().mean().item())
        assert score.predictions == len(right)
        assert score.perplexity == pytest.approx(math.exp(score.loss))
