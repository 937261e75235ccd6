from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pkgutil import resolve_name
from typing import Any

import pytest

from zoo import Catalog, ZooError
from zoo.auditing import executed
from zoo.auditing.breakdown import breakdown
from zoo.auditing.closed_form import ClosedForm, closed_form
from zoo.auditing.module import module_counts, on_meta

CATALOG = Catalog.installed()

UNUSUAL = (
    "albert-mini+encoder.share=attention",
    "albert-mini+encoder.share=none+dims.ffn_width=77",
    "albert-mini+encoder.share=ffn+encoder.n_groups=2",
    "albert-mini+encoder.n_groups=3+encoder.inner_layers=2",
    "bert-mini+embedding.n_segments=3+dims.max_length=99+finetuning.max_length=64",
    "roberta-tiny+embedding.padding_index=4",
    "bert-tiny+objectives=bert.nsp",
    "bert-tiny+objectives=bert.ltr",
    "bert-tiny+objectives.bert.nsp.weight=0.5",
    "bert-tiny+objectives.bert.nsp.pair=joint",
    "albert-tiny+objectives.albert.sop.pair=joint",
    "bert-tiny+objectives=bert.mlm,bert.nsp,albert.sop",
)


def form(name: str) -> ClosedForm:
    return closed_form(CATALOG, CATALOG.variant(name))


def component(name: str, part: str, kind: str) -> int:
    """The parameters of one copy."""
    return next(row.each or 0 for row in breakdown(form(name), {}) if (row.component, row.kind) == (part, kind))


@pytest.mark.parametrize("name", [*CATALOG.variants, *UNUSUAL])
def test_the_formulas_count_what_the_module_has(name: str) -> None:
    counts = form(name).counts
    assert counts.encoder
    assert counts == module_counts(on_meta(CATALOG, CATALOG.variant(name)))


@pytest.mark.parametrize("name", ["bert-tiny", "roberta-tiny", "albert-tiny", *UNUSUAL])
def test_the_formulas_count_what_a_token_meets(name: str) -> None:
    components = form(name).components("encoder") or ()
    model = CATALOG.build(CATALOG.variant(name))
    assert sum(c.executed(form(name).sizes) for c in components) == executed(model)


def test_every_released_model_counts_as_the_reference_library_does(ours: dict[str, Any]) -> None:
    assert len(ours) == 31
    for name, fact in ours.items():
        assert fact["counts"].items() <= form(name).counts.model_dump().items(), name


def test_every_component_counts_as_the_reference_library_does(ours: dict[str, Any]) -> None:
    theirs = {
        ("embedding", "token"): "emb_token",
        ("embedding", "position"): "emb_position",
        ("embedding", "segment"): "emb_segment",
        ("embedding", "norms"): "emb_norm",
        ("embedding", "projection"): "emb_projection",
        ("encoder", "relative position"): "emb_relative_position",
        ("encoder", "relative norm"): "rel_norm",
        ("encoder", "final norm"): "final_norm",
        ("encoder", "attention"): "layer_attention",
        ("encoder", "ffn"): "layer_ffn",
        ("encoder", "norms"): "layer_norms",
    }
    for name, fact in ours.items():
        rows = [row for row in breakdown(form(name), {}) if row.kind != "objective"]
        found = {theirs[row.kind, row.component]: row.stored for row in rows}
        assert found == {key: fact["split"][key] for key in theirs.values() if key in fact["split"]}, name


@pytest.mark.parametrize("row", range(6))
def test_the_depths_and_widths_of_berts_table_6(facts: dict[str, Any], row: int) -> None:
    fact = facts["bert_table6"][row]
    changes = {"n_layers": fact["L"], "n_heads": fact["A"], "hidden_width": fact["H"], "embedding_width": fact["H"]}
    variant = CATALOG.variant("bert-base-uncased")
    dims = variant.dims.model_copy(update={**changes, "ffn_width": 4 * fact["H"]})
    counts = closed_form(CATALOG, variant.swap("resized", dims=dims)).counts
    assert (counts.encoder, counts.encoder_pooler, counts.pretraining) == (
        fact["encoder"],
        fact["encoder_pooler"],
        fact["pretraining"],
    )


def test_the_folklore_of_bert_base() -> None:
    assert component("bert-base-uncased", "attention", "encoder") == 2_362_368
    assert component("bert-base-uncased", "token", "embedding") == 30_522 * 768
    classroom = 30_522 * 768 + 12 * 12 * 768**2
    exact = form("bert-base-uncased").counts.encoder or 0
    assert (classroom, exact - classroom) == (108_375_552, 516_096)
    # What V·H + 12·L·H² leaves out: positions, segments, a norm, and the biases and norms of twelve layers.
    assert exact - classroom == 514 * 768 + 2 * 768 + 12 * 13 * 768


def test_the_folklore_of_factorizing() -> None:
    whole = component("albert-xxlarge-v2+embedding=bert.absolute+dims.embedding_width=4096", "token", "embedding")
    tables = component("albert-xxlarge-v2", "token", "embedding")
    projection = component("albert-xxlarge-v2", "projection", "embedding")
    assert (whole, tables + projection) == (30_000 * 4_096, 30_000 * 128 + 128 * 4_096 + 4_096)


def test_heads_change_no_count() -> None:
    assert form("bert-base-uncased").counts == form("bert-base-uncased+dims.n_heads=3").counts


def test_every_part_of_ours_states_its_formula() -> None:
    assert set(CATALOG.offered["formula"]) == {
        name
        for kind in ("embedding", "encoder", "objective")
        for name in CATALOG.parts[kind]
        if not name.startswith("transformers.")
    }


@pytest.mark.parametrize("name", CATALOG.offered["formula"])
def test_a_formula_knows_the_options_of_its_part_with_their_defaults(name: str) -> None:
    kind = next(kind for kind in ("embedding", "encoder", "objective") if name in CATALOG.parts[kind])
    stated = CATALOG.offered["formula"][name]
    formula = resolve_name(stated) if isinstance(stated, str) else stated
    part = inspect.signature(CATALOG.part(kind, name)).parameters
    own = inspect.signature(formula).parameters
    assert {name: option.default for name, option in own.items()} == {n: option.default for n, option in part.items()}


@pytest.mark.parametrize(
    "expression",
    [
        "bert-base-uncased+dims.embedding_width=128",
        "bert-base-uncased+dims.n_heads=7",
        "albert-base-v2+encoder.n_groups=13",
        "albert-base-v2+encoder.inner_layers=0",
        "albert-base-v2+encoder.inner_layers=99999999999999999999999",
        "bert-tiny+embedding.n_segments=-5",
        "albert-tiny+embedding.n_segments=10000000000000",
        "roberta-tiny+embedding.padding_index=-2",
        "albert-base-v2+encoder.shar=all",
        "albert-base-v2+encoder.share=some",
    ],
)
def test_what_cannot_be_built_is_not_counted_and_says_the_same(expression: str) -> None:
    with pytest.raises(ZooError) as counted:
        form(expression)
    with pytest.raises(ZooError) as built:
        CATALOG.build(CATALOG.variant(expression))
    assert str(counted.value) == str(built.value)


def test_counting_all_variants_imports_no_torch() -> None:
    program = (
        "import sys, runpy; sys.argv = ['zoo', 'audit', '--json']\n"
        "try: runpy.run_module('zoo', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(sorted({'torch', 'matplotlib', 'transformers'} & set(sys.modules)), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert len(json.loads(run.stdout)) == len(CATALOG.variants)
    assert run.stderr.splitlines()[-1] == "[]"
