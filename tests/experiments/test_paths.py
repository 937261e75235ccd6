"""Paths from one variant to another, a design choice at a time, and papers' tables."""

from __future__ import annotations

from statistics import fmean

import pytest
from pydantic import ValidationError

import zoo_albert
import zoo_bert
import zoo_electra
import zoo_roberta
from zoo import Catalog, Dims, Encoder, Offers, UnknownName, Variant, ZooError, builtin_plugin, diff
from zoo.experiments.plan.ablation import of_table, path, walk
from zoo.experiments.report.ablation import path_table
from zoo.registry.paper_tables import PaperTable, Row

CATALOG = Catalog.of(zoo_bert, zoo_roberta, zoo_albert, zoo_electra, builtin_plugin)
PRESETS = [
    pytest.param(table, size, id=f"{table.name} {size}")
    for table in CATALOG.paper_tables.values()
    for size in table.sizes
]


def walked(*names: str, via: tuple[str, ...] = ()) -> list[str]:
    return [edge.choice for edge in path(CATALOG, names, via)[1].edges]


def test_bert_becomes_roberta_in_five_choices() -> None:
    assert walked("bert-mini", "roberta-mini") == ["objective", "masking", "packing", "tokenizer", "embedding"]


def test_sentence_order_waits_for_a_packing_that_makes_pairs() -> None:
    assert walked("roberta-mini", "albert-mini") == [
        "masking",
        "packing",
        "objective",
        "tokenizer",
        "embedding",
        "encoder",
    ]


def test_a_walk_by_way_of_another_visits_it() -> None:
    way, ablation = path(CATALOG, ("bert-mini", "albert-mini"), ("roberta-mini",))
    assert [way[0].name, way[5].name, way[-1].name] == ["bert-mini", "roberta-mini", "albert-mini"]
    assert len(ablation.edges) == 11


@pytest.mark.parametrize(
    "ends", [("bert-mini", "albert-mini"), ("albert-mini", "bert-tiny"), ("bert-base-cased", "roberta-base")]
)
def test_every_step_builds_and_is_named_by_an_expression_that_means_it(ends: tuple[str, str]) -> None:
    way, _ = path(CATALOG, ends)
    assert (way[0], way[-1]) == tuple(CATALOG.variant(name) for name in ends)
    for step in way:
        CATALOG.check(step)
        assert CATALOG.variant(step.name) == step


def test_an_embedding_and_its_width_are_one_choice_and_so_are_the_widths_of_a_stack() -> None:
    assert walked("bert-tiny", "bert-tiny+embedding=albert.factorized+dims.embedding_width=32") == ["embedding"]
    wide = "bert-tiny+dims.hidden_width=192+dims.embedding_width=192+dims.ffn_width=768+dims.n_heads=3"
    assert walked("bert-tiny", wide) == ["width"]
    assert walked("bert-tiny", "bert-tiny+dims.n_heads=1") == ["heads"]
    assert walked("albert-tiny", "albert-tiny+dims.hidden_width=192+dims.embedding_width=32") == [
        "width",
        "embedding width",
    ]


def test_reading_from_the_left_brings_its_masking_along() -> None:
    assert walked("bert-tiny", "bert-tiny+objectives=bert.ltr+masking=bert.unmasked") == ["objective"]


def test_an_edge_that_changes_two_choices_is_refused_with_both_named() -> None:
    with pytest.raises(ZooError, match=r"differ in 2 choices: masking \(masking.rate\); depth \(dims.n_layers\)"):
        path(CATALOG, ("bert-tiny", "bert-tiny+dims.n_layers=3+masking.rate=0.2", "roberta-tiny"))


def test_a_variant_given_twice_is_no_edge() -> None:
    with pytest.raises(ZooError, match="do not differ"):
        path(CATALOG, ("bert-tiny", "bert-tiny"))
    with pytest.raises(ZooError, match="differ in nothing; remove one"):
        path(CATALOG, ("bert-tiny", "bert-tiny", "bert-mini"))


class TwoLayers(Encoder):
    """Nothing but two layers will do."""

    wanted = 2

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        if dims.n_layers != self.wanted:
            raise ZooError(f"it wants {self.wanted} layers")

    def forward(self, hidden, layout):  # type: ignore[no-untyped-def]
        return hidden

    def states(self, hidden, layout):  # type: ignore[no-untyped-def]
        yield hidden


class FourLayers(TwoLayers):
    """Nothing but four layers will do."""

    wanted = 4


FUSSY = Offers(api_version=1, encoders={"fussy.two": TwoLayers, "fussy.four": FourLayers})


def test_ends_that_no_order_of_choices_joins_are_refused_in_one_line() -> None:
    catalog = Catalog.of(zoo_bert, fussy=FUSSY)
    with pytest.raises(ZooError, match=r"no order of encoder, depth from .* builds at every step; .*wants 4 layers"):
        start = "+init.keys_start_as_queries=false"  # for there are none
        ends = ("bert-tiny+encoder=fussy.two", "bert-tiny+encoder=fussy.four+dims.n_layers=4")
        path(catalog, [end + start for end in ends])


def test_every_step_has_a_name_that_can_be_typed() -> None:
    """Also where an objective loses an option, and where the ends have names of their own."""
    catalog = Catalog.installed()
    for start, end in (("d2l-bert", "short=bert-base-chinese+dims.n_layers=3"), ("roberta-small", "albert-base-v1")):
        steps = walk(catalog, start, end)[1:-1]
        assert steps and any("+objectives.bert.mlm=bert.mlm" in step.name for step in steps)
        for step in steps:
            assert set(diff(catalog.variant(step.name), step)) <= {"paper"}


def test_a_table_of_embeddings_as_wide_as_the_layers_grows_with_them() -> None:
    steps = walk(Catalog.installed(), "bert-medium-uncased", "modernbert-tiny")
    assert all(step.dims.embedding_width == step.dims.hidden_width for step in steps)


def test_a_path_that_cannot_be_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def check(catalog: Catalog, variant: Variant) -> None:
        checked.append(variant.name)
        if variant.encoder.name == "albert.shared" and variant.dims.n_layers == 2:
            raise ZooError("never")

    monkeypatch.setattr(Catalog, "check", check)
    with pytest.raises(ZooError, match="was found that builds at every step; name variants between them: never"):
        walk(CATALOG, "bert-base-uncased+dims.n_layers=2", "albert-tiny")
    assert len(checked) < 5_000


@pytest.mark.parametrize(("table", "size"), PRESETS)
def test_a_preset_builds_and_each_of_its_edges_changes_one_choice(table: PaperTable, size: str) -> None:
    variants, ablation = of_table(CATALOG, table, size)
    for variant in variants:
        CATALOG.check(variant)
    assert len({variant.name for variant in variants}) == len(variants) == len(ablation.rows)
    assert len(path_table(ablation).rows) == len(ablation.edges) >= len(variants) - 2


def test_presets_are_those_of_the_papers_and_our_own() -> None:
    assert list(CATALOG.paper_tables) == [
        "albert-table-3",
        "albert-table-4",
        "albert-table-5",
        "bert-table-5",
        "bert-table-6",
        "bert-table-7",
        "bert-table-8",
        "compression",
        "electra-table-5",
        "roberta-table-1",
        "roberta-table-2",
    ]
    with pytest.raises(UnknownName, match="did you mean 'bert-table-5'"):
        CATALOG.paper_table("bert-tabel-5")
    with pytest.raises(UnknownName, match="'huge' is not a size"):
        of_table(CATALOG, CATALOG.paper_table("bert-table-5"), "huge")


def test_alberts_printed_averages_are_the_means_of_their_rows() -> None:
    """Each SQuAD, F1 and exact match, is averaged first (checked against every row that the paper prints)."""
    for name in ("albert-table-3", "albert-table-4", "albert-table-5"):
        table = CATALOG.paper_table(name)
        for row in table.rows:
            *squads, mnli, sst, race, average = row.scores[-8:]
            assert fmean([fmean(squads[:2]), fmean(squads[2:]), mnli, sst, race]) == pytest.approx(average, abs=0.051)


def test_a_papers_effect_is_the_mean_over_its_counted_columns() -> None:
    table = CATALOG.paper_table("bert-table-5")
    # 83.9 - 84.4, 84.9 - 88.4, 86.5 - 86.7, 92.6 - 92.7, 87.9 - 88.5
    expected = (-0.5 - 3.5 - 0.2 - 0.1 - 0.6) / 5
    assert table.effect("BERT base", "No NSP", table.counted) == pytest.approx(expected)
    assert table.effect("BERT base", "No NSP", ("QNLI",)) == pytest.approx(-3.5)
    assert CATALOG.paper_table("roberta-table-2").effect("SEGMENT-PAIR", "FULL-SENTENCES", ("RACE",)) is None


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ((Row(label="a", scores=(1.0, 2.0)), Row(label="b")), "'a' has 2 scores for 1 columns"),
        ((Row(label="a"), Row(label="a")), "two rows have the same label"),
        ((Row(label="a"), Row(label="b", variants={"tiny": "x"}, after=("a",))), "'a' names no column or no row"),
        (
            (Row(label="a", variants={"mini": "y"}), Row(label="b", variants={"tiny": "x"})),
            "variant for each size: mini",
        ),
    ],
)
def test_a_table_that_does_not_fit_itself_is_refused(rows: tuple[Row, ...], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PaperTable(name="t", title="t", source="s", columns=("c",), counted=("c",), rows=rows)
