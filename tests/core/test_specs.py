"""Records are strict, and differ field by field."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from zoo import Dims, PartRef, Variant, ZooError, diff, part
from zoo.registry.presets import cpu_size

SIZES = {"vocab_size": 30, "embedding_width": 3, "hidden_width": 5, "n_layers": 7, "n_heads": 1, "ffn_width": 11}


def variant(name: str = "one", **fields: object) -> Variant:
    parts = {
        "tokenizer": part("bert.wordpiece", lowercase=True),
        "embedding": part("bert.absolute"),
        "encoder": part("bert.stack"),
        "objectives": (part("bert.mlm"),),
        "packing": part("bert.segment_pair"),
        "masking": part("bert.static", rate=0.15),
    }
    return Variant(name=name, paper="none", **{**parts, **cpu_size("tiny"), **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"vocab_size": True},
        {"vocab_size": 10**12},
        {"n_layers": 2.0},
        {"hidden_width": "5"},
        {"dropout": float("nan")},
        {"width": 5},
    ],
    ids=str,
)
def test_a_size_of_the_wrong_type_or_out_of_bounds_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Dims(**{**SIZES, **wrong})  # type: ignore[arg-type]


def test_a_variant_survives_json() -> None:
    assert Variant.model_validate_json(variant().model_dump_json()) == variant()


def test_a_swap_keeps_everything_else() -> None:
    swapped = variant().swap("two", encoder=part("albert.shared"))
    assert swapped.name == "two"
    assert diff(variant(), swapped) == {"encoder": ("bert.stack", "albert.shared")}


def test_a_swap_to_something_invalid_is_refused_in_one_line() -> None:
    with pytest.raises(ZooError, match="variant 'two': objectives: ") as caught:
        variant().swap("two", objectives=())
    assert "\n" not in str(caught.value)


def test_a_difference_in_options_names_the_option() -> None:
    other = variant(
        masking=part("bert.static", rate=0.3), objectives=(part("bert.mlm", bias="unigram"), part("bert.nsp"))
    )
    assert diff(variant(), other) == {
        "objectives": (["bert.mlm"], ["bert.mlm", "bert.nsp"]),
        "masking.rate": (0.15, 0.3),
        "objectives.bert.mlm.bias": (None, "unigram"),
    }


def test_use_keeps_options_as_data() -> None:
    assert part("albert.shared", share="all") == PartRef(name="albert.shared", options={"share": "all"})
