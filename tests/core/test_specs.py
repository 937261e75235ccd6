"""Records are strict, and differ field by field."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from zoo import Dims, Use, Variant, ZooError, diff, use
from zoo.registry.presets import cpu_size

SIZES = {"vocab_size": 30, "embedding_width": 3, "hidden_width": 5, "n_layers": 7, "n_heads": 1, "ffn_width": 11}


def variant(name: str = "one", **fields: object) -> Variant:
    parts = {
        "tokenizer": use("bert.wordpiece", lowercase=True),
        "embedding": use("bert.absolute"),
        "encoder": use("bert.stack"),
        "objectives": (use("bert.mlm"),),
        "packing": use("bert.segment_pair"),
        "masking": use("bert.static", rate=0.15),
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
    swapped = variant().swap("two", encoder=use("albert.shared"))
    assert swapped.name == "two"
    assert diff(variant(), swapped) == {"encoder": ("bert.stack", "albert.shared")}


def test_a_swap_to_something_invalid_is_refused_in_one_line() -> None:
    with pytest.raises(ZooError, match="variant 'two': objectives: ") as caught:
        variant().swap("two", objectives=())
    assert "\n" not in str(caught.value)


def test_a_difference_in_options_names_the_option() -> None:
    other = variant(masking=use("bert.static", rate=0.3), objectives=(use("bert.mlm", bias="unigram"), use("bert.nsp")))
    assert diff(variant(), other) == {
        "objectives": (["bert.mlm"], ["bert.mlm", "bert.nsp"]),
        "masking.rate": (0.15, 0.3),
        "objectives.bert.mlm.bias": (None, "unigram"),
    }


def test_use_keeps_options_as_data() -> None:
    assert use("albert.shared", share="all") == Use(name="albert.shared", options={"share": "all"})
