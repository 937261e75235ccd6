"""Fields that say more of another one, which is off, are refused."""

from __future__ import annotations

import re

import pytest

import zoo_bert
from zoo import Catalog, ZooError
from zoo.experiments.plan.equal import made_equal
from zoo.registry.unread import NEEDS

CATALOG = Catalog.of(zoo_bert)


@pytest.mark.parametrize(
    ("exchanged", "needed"),
    [
        ("pretraining.short_share=0.5", "pretraining.short_length=16"),
        ("adaptation.learning_rate=1e-3", "adaptation.tokens=5000"),
        ("finetuning.augmented=0.3", "finetuning.cut_out=0.1"),
        ("finetuning.patience=2", "finetuning.early_stopping=0.1"),
        ("finetuning.lstm_layers=1", "finetuning.lstm_width=16"),
        ("distillation.phase=both", "distillation.teacher=bert-mini"),
        ("pruning.scope=matrix", "pruning.weights=0.5"),
        ("pruning.importance=gradient", "pruning.ffn=0.5"),
        ("pruning.when=during", "pruning.heads=0.5"),
        ("pruning.gradual_share=0.2+pruning.heads=0.5", "pruning.when=during"),
    ],
)
def test_a_field_counts_with_the_one_that_it_says_more_of(exchanged: str, needed: str) -> None:
    alone = exchanged.split("+")[0]
    with pytest.raises(ZooError, match=f"{re.escape(alone.split('=')[0])}=.* counts only with .*; give that, too, or"):
        CATALOG.check(CATALOG.variant(f"bert-tiny+{exchanged}"))
    CATALOG.check(CATALOG.variant(f"bert-tiny+{needed}+{exchanged}"))


def test_what_is_off_by_another_field_is_named_too() -> None:
    learning = "bert-tiny+distillation.teacher=bert-mini+distillation.logits=0+distillation.hidden=1"
    with pytest.raises(ZooError, match=r"temperature=3\.0 counts only with distillation\.logits"):
        CATALOG.check(CATALOG.variant(f"{learning}+distillation.temperature=3"))
    relations = learning.replace("hidden", "relations")
    with pytest.raises(ZooError, match=r"layer_map=uniform counts only with distillation\.hidden or attention"):
        CATALOG.check(CATALOG.variant(f"{relations}+distillation.layer_map=uniform"))


def test_all_fields_named_are_there() -> None:
    tiny = CATALOG.variants["bert-tiny"]
    known = {f"{record}.{name}" for record, its in tiny for name in getattr(type(its), "model_fields", {})}
    assert {path.partition("=")[0] for field, needed in NEEDS for path in (field, *needed)} <= known


def test_equal_needs_another_variant() -> None:
    with pytest.raises(ZooError, match="there is only bert-tiny; name another"):
        made_equal(CATALOG, [CATALOG.variants["bert-tiny"]], "parameters")


def test_several_fields_that_would_do_are_listed() -> None:
    with pytest.raises(
        ZooError, match=r"importance=gradient counts only with pruning\.heads or ffn; give that, too, or"
    ):
        CATALOG.check(CATALOG.variant("bert-tiny+pruning.layers=1+pruning.importance=gradient"))
