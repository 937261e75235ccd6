from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from zoo import Catalog, Dims, Encoder, Layout, Offers, ZooError, part
from zoo.auditing import audit as session
from zoo.auditing.cost import BATCH, LENGTHS
from zoo.cli import main

Zoo = Callable[..., tuple[int, str, str]]


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Zoo:
    """The command line: status, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        monkeypatch.delenv("COLUMNS", raising=False)
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, shown.out, shown.err

    return run


def test_four_sources_stand_beside_each_other(zoo: Zoo) -> None:
    status, out, err = zoo("audit", "albert-xxlarge-v1", "--json")
    assert (status, err) == (0, "")
    [audit] = json.loads(out)
    assert audit["name"] == "albert-xxlarge-v1"
    assert audit["counts"] == {
        "encoder": 205_814_272,
        "encoder_pooler": 222_595_584,
        "mlm": 206_368_944,
        "pretraining": 223_158_450,
    }
    assert audit["agrees"] is True
    assert audit["sources"]["closed_form"] == audit["sources"]["module"] == audit["counts"]
    assert audit["sources"]["checkpoint"] is None
    assert audit["formulas"]["encoder"] == "V·E + P·E + 4·E + E·H + 10·H + 4·H² + 2·H·F + F"
    causes = {count["figure"]: count["causes"] for count in audit["sources"]["published"]}
    assert causes["235M"] == ["unexplained"]
    assert "unexplained" not in causes["225M"]


def test_without_a_name_every_variant_is_counted_and_no_module_is_built(zoo: Zoo) -> None:
    status, out, _ = zoo("audit", "--json")
    audits = json.loads(out)
    assert status == 0
    assert [audit["name"] for audit in audits] == list(Catalog.installed().variants)
    assert all(audit["agrees"] and audit["sources"]["module"] is None for audit in audits)


def test_the_table_tells_what_is_unexplained(zoo: Zoo) -> None:
    _, out, _ = zoo("audit")
    line = next(line for line in out.splitlines() if line.startswith("albert-xxlarge-v1"))
    assert "222,595,584" in line and "235M (unexplained)" in line and "225M," in line


def test_what_if_needs_no_variant_of_its_own(zoo: Zoo) -> None:
    _, out, _ = zoo("audit", "bert-base-uncased+dims.vocab_size=50265", "--json", "--no-module")
    [audit] = json.loads(out)
    assert audit["counts"]["encoder"] == 108_891_648 + (50_265 - 30_522) * 768
    assert audit["sources"]["module"] is None


def test_two_variants_differ_part_by_part_and_the_parts_sum_up(zoo: Zoo) -> None:
    _, out, _ = zoo("audit", "bert-base-uncased", "albert-base-v2", "--json", "--no-module")
    audits = json.loads(out)
    *parts, total = audits[1]["difference"]
    differences = {(part["kind"], part["component"]): part["difference"] for part in parts}
    assert differences["embedding", "token"] == 30_000 * 128 - 30_522 * 768
    assert differences["embedding", "projection"] == 128 * 768 + 768
    assert differences["encoder", "attention"] == -11 * 2_362_368
    assert total["difference"] == sum(differences.values()) == 11_813_810 - 110_106_428
    _, out, _ = zoo("audit", "bert-base-uncased", "albert-base-v2", "--no-module")
    assert "From bert-base-uncased to albert-base-v2" in out and "-25,986,048" in out


def test_lengths_and_batch_are_as_asked(zoo: Zoo) -> None:
    arguments = ("--length", 16, "--length", 64, "--batch", 3)
    _, out, _ = zoo("audit", "bert-tiny", "--json", "--no-module", *arguments)
    [audit] = json.loads(out)
    assert [at["length"] for at in audit["cost"]["lengths"]] == [16, 64]
    assert audit["cost"]["batch"] == 3


def test_a_given_figure_is_explained_or_not(zoo: Zoo) -> None:
    arguments = ("--figure", "206.9M", "--figure", "223M")
    _, out, _ = zoo("audit", "albert-xxlarge-v2", "--json", "--no-module", *arguments)
    given = {
        count["figure"]: count for count in json.loads(out)[0]["sources"]["published"] if count["source"] == "given"
    }
    assert given["206.9M"]["causes"] == ["unexplained"]
    assert given["223M"]["ways"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bert-bas-uncased", "did you mean 'bert-base-uncased'"),
        ("bert-tiny+dims.vocab_size=1000000000000", "dims.vocab_size"),
        ("bert-tiny+dims.embedding_width=64", "dims.embedding_width=64"),
        ("bert-tiny+encoder=albert.shard", "did you mean 'albert.shared'"),
        ("bert-tiny+dims.n_layers=2000", "dims.n_layers"),
    ],
)
def test_a_mistake_is_one_line_and_the_rest_is_still_audited(zoo: Zoo, name: str, message: str) -> None:
    status, out, err = zoo("audit", name, "roberta-tiny", "--json", "--no-module")
    assert status == 2
    assert err.startswith("error: ") and err.count("\n") == 1 and message in err
    wrong, right = json.loads(out)
    assert wrong["error"] in err
    assert right["counts"]["encoder"] == 472_192


def test_an_expectation_that_holds_is_said_to_hold(zoo: Zoo, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_text(zoo("audit", "bert-tiny", "albert-tiny", "--json", "--no-module")[1])
    assert zoo("audit", "--check", path) == (0, "bert-tiny: as expected\nalbert-tiny: as expected\n", "")


def test_an_expectation_that_fails_tells_the_part_that_moved(zoo: Zoo, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    name = "albert-tiny+encoder.n_groups=2"
    expected = json.loads(zoo("audit", "albert-tiny", name, "--json", "--no-module")[1])
    expected[0]["name"], expected[1]["name"] = expected[1]["name"], expected[0]["name"]
    path.write_text(json.dumps(expected))
    status, out, _ = zoo("audit", "--check", path)
    assert status == 1
    assert "albert-tiny: encoder: expected 343,936, is 244,352" in out
    assert "albert-tiny: albert.shared, attention: expected 132,096, is 66,048 (-66,048)" in out
    assert "embedding" not in out and "pooler:" not in out.replace("encoder + pooler:", "")


@pytest.mark.parametrize("text", ["", "{", "{}", '[{"name": "bert-tiny"}]', '[{"name": 1, "counts": {}}]'])
def test_a_broken_expectation_is_one_line(zoo: Zoo, tmp_path: Path, text: str) -> None:
    path = tmp_path / "audit.json"
    path.write_text(text)
    status, out, err = zoo("audit", "--check", path)
    assert (status, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and "audit.json" in err


def test_a_page_holds_everything_and_runs_nothing(zoo: Zoo, tmp_path: Path) -> None:
    page = tmp_path / "audit.html"
    status, out, _ = zoo("audit", "bert-tiny", "albert-tiny", "--no-module", "--html", page)
    assert (status, out) == (0, f"page: {page}\n")
    text = page.read_text()
    assert "<svg" in text and "472,064" in text
    assert not [word for word in ("src=", "http://", "https://", "url(", "@import") if word in text]


def test_the_same_chart_has_the_same_bytes(zoo: Zoo, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        zoo("audit", "bert-tiny", "albert-tiny", "--no-module", "--chart", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ">bert-tiny<" in (tmp_path / "a.svg").read_text()


def test_only_what_stands_between_the_marks_is_replaced(zoo: Zoo, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Mine\n<!-- zoo audit: begin -->\nold\n<!-- zoo audit: end -->\nstays\n")
    zoo("audit", "bert-tiny", "--no-module", "--update", page)
    text = page.read_text()
    assert text.startswith("# Mine\n<!-- zoo audit: begin -->\n### ")
    assert text.endswith("<!-- zoo audit: end -->\nstays\n")
    assert "old" not in text and "472,064" in text


class Nothing(Encoder):
    """An encoder with one parameter for each value of a hidden state."""

    def __init__(self, dims: Dims) -> None:
        import torch

        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(dims.hidden_width))

    def forward(self, hidden: Any, layout: Layout) -> Any:
        return hidden * self.scale


def with_stranger(**offers: Any) -> Catalog:
    """The families, and a plugin with an encoder and a variant, and perhaps more."""
    import zoo_albert
    import zoo_bert
    import zoo_roberta

    variant = Catalog.installed().variant("bert-tiny").swap("mine-tiny", encoder=part("mine.nothing"))
    mine = Offers(api_version=1, encoders={"mine.nothing": Nothing}, variants=[variant], **offers)
    return Catalog.of(zoo_bert, zoo_roberta, zoo_albert, mine=mine)


def test_a_stranger_without_a_formula_is_told_so_and_counted_on_the_module() -> None:
    asked = session.Settings(False, LENGTHS, BATCH)
    audit = session.audited(with_stranger(), "mine-tiny", asked)
    assert audit.error is None
    (note,) = audit.notes
    assert note == "no formula for encoder 'mine.nothing': parameters are the module's, without sharing and cost"
    tables = (2_000 + 128 + 2 + 2) * 128
    assert audit.counts.encoder == tables + 128
    assert audit.sources.closed_form is None and audit.sources.module == audit.counts
    assert [row.stored for row in audit.breakdown if row.part == "mine.nothing"] == [128]
    assert audit.sharing is None and audit.cost is None


def test_a_stranger_with_a_wrong_formula_disagrees() -> None:
    from zoo.formulas import Component, H

    catalog = with_stranger(formulas={"mine.nothing": lambda dims: [Component("scale", 2 * H)]})
    audit = session.audited(catalog, "mine-tiny", session.Settings(module=True))
    assert not audit.agrees
    assert {(d.source, d.definition, d.found - d.expected, d.causes) for d in audit.disagreements} == {
        ("module", definition, -128, ("unexplained",))
        for definition in ("encoder", "encoder_pooler", "mlm", "pretraining")
    }


def test_a_formula_that_fails_is_one_line() -> None:
    audit = session.audited(
        with_stranger(formulas={"mine.nothing": lambda dims: 1 / 0}), "mine-tiny", session.Settings()
    )
    assert audit.error and "'mine.nothing' fails: ZeroDivisionError" in audit.error


@pytest.mark.parametrize(
    ("offered", "message"),
    [
        ([1], r"formulas\n.*it should be a dict of name to function"),
        ({"bert.stack": len}, "which is not one of its parts"),
    ],
)
def test_a_plugin_that_states_formulas_wrongly_is_refused(offered: Any, message: str) -> None:
    with pytest.raises((ValidationError, ZooError), match=message):
        with_stranger(formulas=offered)
