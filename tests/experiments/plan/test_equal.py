"""Variants made equal in parameters and operations, and the suite of families."""

from __future__ import annotations

import logging

import pytest

import zoo_albert
import zoo_bert
import zoo_d2l
import zoo_elmo
import zoo_gpt
import zoo_roberta
from tests.experiments.synthetic_runs import rendered
from zoo import Catalog, Encoder, Offers, Variant, ZooError, builtin_plugin
from zoo.auditing.module import module_counts, on_meta
from zoo.experiments.plan.equal import families, made_equal
from zoo.experiments.plan.options import ComparisonOptions
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.requests import comparison_plan
from zoo.experiments.results.run import ComparisonRun

CATALOG = Catalog.of(zoo_bert, zoo_roberta, zoo_albert, zoo_d2l, zoo_elmo, zoo_gpt, builtin_plugin)


def of(*names: str) -> list[Variant]:
    return [CATALOG.variant(name) for name in names]


def planned(*names: str, **options: object) -> Plan:
    given = {"tasks": "micro-sentiment", "pretrain_tokens": 2_000, "finetune_steps": 2, "seeds": 1, **options}
    return comparison_plan(CATALOG, names, ComparisonOptions.of(given))


def test_the_suite_of_families_has_a_tiny_variant_of_each_plugin() -> None:
    named = ("bert", "albert", "d2l", "elmo", "gpt", "roberta")
    assert families(CATALOG, "bert-tiny") == [f"{name}-tiny" for name in named]


def test_equal_parameters_are_counted_in_the_modules_themselves() -> None:
    variants = made_equal(CATALOG, of("bert-tiny", "albert-tiny", "elmo-tiny", "roberta-tiny"), "parameters")
    counts = {v.name: module_counts(on_meta(CATALOG, v)).encoder for v in variants}
    albert, elmo = "albert-tiny+dims.hidden_width=232+dims.ffn_width=232", "elmo-tiny+dims.hidden_width=32"
    assert list(counts)[::3] == ["bert-tiny", "roberta-tiny"]
    assert list(counts)[1] == albert and list(counts)[2].startswith(elmo)
    assert all(abs(count / counts["bert-tiny"] - 1) < 0.03 for count in counts.values())  # widths have steps of 8
    sizes, before = variants[1].dims, CATALOG.variant("albert-tiny").dims
    assert sizes.ffn_width == sizes.hidden_width and sizes.embedding_width == before.embedding_width
    assert made_equal(CATALOG, variants, "parameters") == variants
    assert of(*counts) == variants  # their names can be typed


def test_parameters_that_no_width_reaches_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="zoo"):
        made_equal(CATALOG, of("bert-tiny", "roberta-base"), "parameters")
    narrow = "roberta-base+dims.hidden_width=24+dims.embedding_width=24+dims.ffn_width=96"
    assert f"{narrow} has 1,3" in caplog.text and "bert-tiny 472,064" in caplog.text


def test_equal_operations_are_numbers_of_tokens() -> None:
    """At 48 tokens, 7 of them predicted, a training step of bert-tiny takes three forward passes of two layers, each of
    four products of H x H and the two of the feed-forward network, the scores and mixtures, and both heads; one of
    distil-like half depth takes half of the layers."""
    length, predicted, width, vocabulary = 48, 7, 128, 2_000
    layer = length * 2 * (4 * width**2 + 2 * width * 128) + 4 * length**2 * width
    heads = predicted * 2 * (width**2 + width * vocabulary) + 2 * width**2 + 4 * width
    bert, shallow = made_equal(CATALOG, of("bert-tiny", "bert-tiny+dims.n_layers=1"), "operations")
    assert bert.pretraining.tokens == CATALOG.variant("bert-tiny").pretraining.tokens
    tokens = bert.pretraining.tokens * (2 * layer + heads) / (layer + heads)
    assert shallow.pretraining.tokens == pytest.approx(tokens, rel=5e-3)
    assert shallow.name == f"bert-tiny+dims.n_layers=1+pretraining.tokens={shallow.pretraining.tokens}"
    assert of(shallow.name) == [shallow]


def test_a_plan_says_what_was_held_equal_and_lets_budgets_differ_for_it() -> None:
    plan = planned(suite="families", equal="operations")
    tokens = {variant.name.partition("+")[0]: variant.pretraining.tokens for variant in plan.variants}
    assert plan.equal == "operations" and len(plan.variants) == 6
    assert tokens["elmo-tiny"] < tokens["gpt-tiny"] < tokens["bert-tiny"] == 2_000
    assert planned(suite="families").equal == "tokens" and planned("bert-tiny").equal is None
    run = ComparisonRun(plan=plan, results=())
    said = rendered(run)
    assert "Held equal: the operations of pre-training" in said
    assert f"{min(tokens.values()):,} to {max(tokens.values()):,} tokens." in said


def test_what_cannot_be_made_equal_is_refused() -> None:
    with pytest.raises(ZooError, match="--suite families has variants of its own"):
        planned("bert-tiny", suite="families")

    class Unstated(Encoder):
        """No formula is stated."""

    catalog = Catalog.of(zoo_bert, zoo_roberta, more=Offers(api_version=1, encoders={"more.unstated": Unstated}))
    bert = catalog.variant("bert-tiny")
    other = bert.swap("other", encoder={"name": "more.unstated"})
    with pytest.raises(ZooError, match=r"^other: more\.unstated states no formula"):
        made_equal(catalog, [bert, other], "operations")
