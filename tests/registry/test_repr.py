"""A catalog, a variant, a part and a model print as a few useful lines, in a notebook too."""

from __future__ import annotations

from zoo import Catalog, part

CATALOG = Catalog.installed()
VARIANT = CATALOG.variant("albert-tiny+encoder.n_groups=2")


def test_a_catalog_prints_how_much_there_is_of_what_and_the_first_names() -> None:
    shown = repr(CATALOG)
    assert len(shown) < 2_000 and shown.count("\n") < 20
    assert f"{len(CATALOG.variants)} variants: albert-base-v1, " in shown
    assert f"{len(CATALOG.parts['encoder'])} encoders: albert.shared, bert.stack" in shown
    assert "<td>encoders</td><td>albert.shared, bert.stack" in CATALOG._repr_html_()


def test_a_variant_prints_its_sizes_parts_and_recipes() -> None:
    shown = str(VARIANT)
    assert shown == repr(VARIANT) and shown.count("\n") == 6
    assert shown.startswith("Variant albert-tiny+encoder.n_groups=2 (ours, after Lan et al. 2020")
    for said in ("2 layers of width 128, 4 heads, embeddings 64", "albert.shared(share=all, n_groups=2)", "220 steps"):
        assert said in shown
    assert VARIANT._repr_html_().startswith("<pre>Variant ")


def test_a_part_prints_as_it_is_written() -> None:
    assert repr(VARIANT.encoder) == "part('albert.shared', share='all', n_groups=2)"
    assert eval(repr(VARIANT.encoder), {"part": part}) == VARIANT.encoder


def test_a_model_prints_its_parts_with_their_parameters_shared_ones_once() -> None:
    model = CATALOG.build(VARIANT)
    total = sum(parameter.numel() for parameter in model.parameters())
    lines = repr(model).splitlines()
    assert lines[0] == f"Model {VARIANT.name}, {total:,} parameters"
    assert [line.split()[0] for line in lines[1:]] == ["embedding", "encoder", "bert.mlm", "albert.sop"]
    encoder = sum(parameter.numel() for parameter in model.encoder.parameters())
    assert lines[2].split()[1:] == [f"{encoder:,}", "SharedStack"]
    assert "<pre>Model" in model._repr_html_()
