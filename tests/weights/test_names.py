"""Tables of names are bijections, whatever is on top of the encoder."""

from __future__ import annotations

import itertools

import pytest
import torch
import transformers

from tests.parity.families import tiny
from tests.parity.oracle import CASES, reference
from zoo.registry.catalog import Catalog
from zoo.weights.format import UNTIED_DECODER
from zoo.weights.name_table import NameTable

import numpy as np  # isort: skip

FORMATS = Catalog.installed().checkpoint_formats


def alternatives(name: str) -> tuple[str, ...]:
    """The names that "a.(b|c).d" stands for."""
    before, _, rest = name.partition("(")
    named, _, after = rest.partition(")")
    return tuple(before + each + after for each in named.split("|"))


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_every_row_is_read_back_in_both_directions(format) -> None:  # type: ignore[no-untyped-def]
    for heads in format.architectures.values():
        for more in ((), (UNTIED_DECODER,)) if "bert.mlm" in heads else ((),):
            table = format.table((*heads, *more))
            seen: set[str] = set()
            for theirs, ours in table.rows:
                for i, g, p in itertools.product((0, 7, 11), (0, 3), ("weight", "bias")):
                    left, right = theirs.format(i=i, g=g, p=p), ours.format(i=i, g=g, p=p)
                    every = alternatives(right)
                    assert table.ours(left) == every and {table.theirs(name) for name in every} == {left}
                    seen.add(left)
            assert len({table.ours(name) for name in seen}) == len(seen)
            assert format.normalise_name(format.stored(theirs, heads)) == theirs


@pytest.mark.parametrize(("family", "head"), CASES)
def test_every_weight_of_the_reference_library_has_one_name_of_ours(family: str, head: str) -> None:
    format = FORMATS[getattr(transformers, f"{family}Config").model_type]
    model = reference(family, head, tiny(family, np.random.default_rng(1)), seed=0)
    heads = format.architectures[f"{family}{head}"] or ("pool",)
    table = format.table(heads)
    copies = {copy for copy, _ in format.copies}
    names = [name for name in map(format.normalise_name, model.state_dict()) if name not in copies]
    ours = [table.ours(name) for name in names]
    assert () not in ours and len(set(ours)) == len(names)
    assert [format.stored(table.theirs(name) or "", heads) for name, *_ in ours] == [
        name for name in model.state_dict() if format.normalise_name(name) not in copies
    ]


def test_old_spellings_mean_the_same() -> None:
    bert = FORMATS["bert"]
    for name in ("bert.encoder.layer.1.output.LayerNorm.gamma", "encoder.layer.1.output.LayerNorm.weight"):
        assert bert.normalise_name(name) == "encoder.layer.1.output.LayerNorm.weight"
    assert bert.normalise_name("cls.predictions.transform.LayerNorm.beta") == "cls.predictions.transform.LayerNorm.bias"


@pytest.mark.parametrize("row", [("a.{i}", "b"), ("a.{i}.{i}", "b.{i}.{i}"), ("a", "b.{p}")])
def test_a_row_that_loses_a_number_is_refused(row: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="should have the same placeholders"):
        NameTable([row])


@pytest.mark.parametrize("name", ["a.01", "a.-1", "a.1x", "xa.1", "a.", "a.1\n", "a.1234567"])
def test_a_name_that_only_looks_like_a_row_is_unknown(name: str) -> None:
    assert NameTable([("a.{i}", "b.{i}")]).ours(name) == ()


def test_a_stored_tensor_that_joins_several_of_ours_leads_to_each_in_order() -> None:
    table = NameTable([("{i}.Wqkv.{p}", "layers.{i}.(query|key|value).{p}"), ("norm.{p}", "norm.{p}")])
    whole = tuple(f"layers.4.{name}.weight" for name in ("query", "key", "value"))
    assert table.ours("4.Wqkv.weight") == whole
    assert [table.theirs(name) for name in whole] == ["4.Wqkv.weight"] * 3
    assert table.joined(reversed(whole)) == {"4.Wqkv.weight": whole}


@pytest.mark.parametrize(
    "variant", ["bert-base-cased", "roberta-large", "albert-xxlarge-v1", "albert-xlarge-v2", "bert-tiny"]
)
def test_a_config_describes_a_variant_and_is_read_back(variant: str) -> None:
    catalog = Catalog.installed()
    record = catalog.variant(variant)
    format = catalog.checkpoint_formats[variant.split("-")[0]]
    config = format.config(record)
    assert config is not None
    again = format.variant(config, variant, "config.json")
    assert again.dims == record.dims and again.encoder.name == record.encoder.name
    theirs = getattr(transformers, f"{type_of(variant)}Config")(**config)
    with torch.device("meta"):
        model = getattr(transformers, f"{type_of(variant)}Model")(theirs, add_pooling_layer=False)
        ours = catalog.assemble(record)
    sizes = [sum(p.numel() for p in part.parameters()) for part in (ours.embedding, ours.encoder)]
    assert sum(p.numel() for p in model.parameters()) == sum(sizes)


def type_of(variant: str) -> str:
    return {"bert": "Bert", "roberta": "Roberta", "albert": "Albert"}[variant.split("-")[0]]


@pytest.mark.parametrize(
    "expression",
    ["bert-tiny+encoder=albert.shared", "albert-tiny+encoder.share=attention", "bert-tiny+embedding=albert.factorized"],
)
def test_a_variant_of_parts_that_never_met_has_no_config(expression: str) -> None:
    catalog = Catalog.installed()
    assert all(format.config(catalog.variant(expression)) is None for format in catalog.checkpoint_formats.values())
