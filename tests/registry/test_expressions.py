"""Exchanging one field of a variant at a time."""

from __future__ import annotations

import pytest

from zoo import Catalog, UnknownName, Variant, ZooError, diff


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.installed()


def changes(catalog: Catalog, expression: str) -> dict[str, object]:
    base = catalog.variant(expression.split("+")[0])
    return {field: new for field, (_, new) in diff(base, catalog.variant(expression)).items()}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("albert-tiny+dims.embedding_width=32", {"dims.embedding_width": 32}),
        ("bert-base-uncased+dims.dropout=0", {"dims.dropout": 0.0}),
        ("bert-base-uncased+pretraining.learning_rate=2e-4", {"pretraining.learning_rate": 2e-4}),
        ("bert-base-uncased+head.pooling=mean", {"head.pooling": "mean"}),
        ("bert-base-uncased+encoder=albert.shared", {"encoder": "albert.shared"}),
        ("albert-base-v1+encoder.share=ffn", {"encoder.share": "ffn"}),
        ("bert-base-uncased+objectives=bert.mlm", {"objectives": ["bert.mlm"]}),
        ("bert-base-uncased+objectives=bert.mlm,albert.sop", {"objectives": ["bert.mlm", "albert.sop"]}),
        ("bert-base-uncased+objectives.bert.mlm.bias=unigram", {"objectives.bert.mlm.bias": "unigram"}),
        ("d2l-tiny+objectives.bert.mlm=bert.mlm", {"objectives.bert.mlm.bias": None, "objectives.bert.mlm.tied": None}),
        ("bert-base-uncased+objectives.bert.nsp=albert.sop", {"objectives": ["bert.mlm", "albert.sop"]}),
        ("bert-base-uncased+masking.rate=0.3", {"masking.rate": 0.3}),
        ("roberta-base+dims.n_layers=6+masking.rate=0.3", {"dims.n_layers": 6, "masking.rate": 0.3}),
    ],
)
def test_an_exchange_changes_what_it_names_and_nothing_else(
    catalog: Catalog, expression: str, expected: dict[str, object]
) -> None:
    assert changes(catalog, expression) == expected
    assert catalog.variant(expression).name == expression


def test_objectives_that_stay_keep_their_options(catalog: Catalog) -> None:
    kept = catalog.variant("bert-tiny+objectives=bert.mlm").objectives
    assert kept == tuple(used for used in catalog.variant("bert-tiny").objectives if used.name == "bert.mlm")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("brt-tiny", "did you mean 'bert-tiny'"),
        ("bert-tiny+encodr=bert.stack", "'encodr' is not a field of a variant .*did you mean 'encoder'"),
        ("bert-tiny+dims.n_layer=3", "'n_layer' is not a field of dims .*did you mean 'n_layers'"),
        (
            "bert-tiny+objectives.bert.mlmm.bias=zero",
            "'bert.mlmm' is not an objective in use .*did you mean 'bert.mlm'",
        ),
        ("bert-tiny+objectives=bert.mlm,bert.mlm", "objectives: bert.mlm is named 2 times"),
        ("bert-tiny+objectives.bert.nsp=bert.mlm", "objectives: bert.mlm is named 2 times"),
        ("bert-tiny+objectives=bert.mlm,", "objectives.1.name: .* should match"),
        ("bert-tiny+encoder=", "encoder.name: .* should match"),
        ("bert-tiny+encoder=a/b", "encoder.name: .* should match"),
        ("bert-tiny+dims.n_layers=two", "dims.n_layers: input should be a valid integer"),
        ("bert-tiny+dims.n_layers=-1", "greater than or equal to 1"),
        ("bert-tiny+dims.dropout=NaN", "dims.dropout: input should be a valid number"),
        ("bert-tiny+dims.n_layers", "of the form \\+FIELD=VALUE"),
        ("bert-tiny+dims.n_layers=2", "changes nothing"),
        ("bert-tiny+name=other", "'name' is not a field"),
        ("bert-tiny+pruning=0.5", "pruning has fields; give one of them as \\+pruning.FIELD=VALUE: ffn, "),
        ("bert-tiny+pruning.layers=1+pruning.when=during", "and not during it$"),
        ("bert-tiny+quantization=none", "'quantization=none' in .* changes nothing"),
        ("runs/none+dims.n_layers=3", "^runs/none: there is no folder$"),
        ("./", "^./: no model is in this folder, for it has neither config.json nor variant.json$"),
        ("tests", "^tests: no model is in this folder"),
        (__file__, "this is a file, not the folder of a model$"),
    ],
)
def test_a_wrong_exchange_is_told_in_one_line(catalog: Catalog, expression: str, message: str) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        catalog.variant(expression)
    assert "\n" not in str(caught.value)


def test_a_long_expression_needs_a_name_of_its_own(catalog: Catalog) -> None:
    long = f"bert-tiny+distillation.teacher=runs/{'far/' * 260}away"
    named = catalog.variant(f"pupil={long}+dims.n_layers=3")
    assert (named.name, named.dims.n_layers, named.distillation.teacher) == ("pupil", 3, long.partition("=")[2])
    with pytest.raises(
        ZooError, match=r"more than 1000 characters; give .* of its own, for example mine=bert-tiny\+\.\.\.$"
    ):
        catalog.variant(long)


def test_an_unknown_part_is_told_when_the_variant_is_checked(catalog: Catalog) -> None:
    wrong: Variant = catalog.variant("bert-tiny+encoder=albert.shard")
    with pytest.raises(UnknownName, match=r"'albert.shard' is not an encoder; did you mean 'albert.shared'\? Known: "):
        catalog.check(wrong)
