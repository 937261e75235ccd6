"""Every format renders every section; a stranger's format takes one function."""

from __future__ import annotations

import csv
import json
import re
from html import unescape
from io import StringIO
from pathlib import Path

import pytest

from tests.experiments.synthetic_runs import CATALOG, made_up, saved
from zoo import Catalog, Offers, UnknownName, builtin_plugin
from zoo.commands.report import report
from zoo.document import Document, Figure, Notes, Section, Table
from zoo.document.formats import FORMATS, renderer
from zoo.document.text import table_lines, text
from zoo.experiments.plan.ablation import Ablation, edge
from zoo.experiments.report.build import document
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.analysis import analyse

WRONG = {"bert-tiny": [18, 17, 19], "bert-tiny+dims.n_layers=1": [1, 2, 1]}


def a_run(*, ablated: bool, fail: tuple[str, ...] = ("finetune-bert-tiny-lamps-s2",)) -> ComparisonRun:
    run = made_up(3, WRONG, fail=fail, pretrain=True)
    step = edge(CATALOG, *run.plan.variants)
    plan = run.plan.model_copy(update={"ablation": Ablation(edges=(step,)) if ablated else None})
    return ComparisonRun(plan, run.results, run.gold)


@pytest.fixture(scope="module")
def comparison() -> Document:
    return document(analyse(a_run(ablated=False)))


@pytest.fixture(scope="module")
def ablation() -> Document:
    return document(analyse(a_run(ablated=True)))


def words(rendered: str) -> str:
    """What a reader sees of a format, without the marks of any."""
    plain = re.sub(r"<[^>]*>", "", unescape(unescape(rendered.replace("<wbr>", ""))))
    for tex, char in (
        (r"\allowbreak{}", ""),
        (r"$\pm$", "±"),
        (r"\textdagger{}", "†"),
        ("$-$", "-"),
        (r"$\rightarrow$", "→"),
        (r"\textgreater{}", ">"),
        (r"\textless{}", "<"),
    ):
        plain = plain.replace(tex, char)
    return re.sub(r"[\\\s]+", "", plain)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("which", ["comparison", "ablation"])
def test_every_section_is_in_every_format(form: str, which: str, request: pytest.FixtureRequest) -> None:
    made: Document = request.getfixturevalue(which)
    shown = renderer(form)(made)
    found = words(json.dumps(json.loads(shown)["sections"], ensure_ascii=False) if form == "json" else shown)
    for section in made.sections:
        assert words(section.id if form == "csv" else section.title) in found
        for table in section.tables:
            for cell in (*table.columns, *(cell for row in table.rows for cell in row)):
                assert words(cell) in found, (section.id, cell)
        for note in section.notes:
            assert words(note) in found, (section.id, note)


@pytest.mark.parametrize("form", FORMATS)
def test_the_effects_of_an_ablation_come_first_in_every_format(form: str, ablation: Document) -> None:
    shown = renderer(form)(ablation)
    shown = json.dumps(json.loads(shown)["sections"], ensure_ascii=False) if form == "json" else shown
    assert 0 <= words(shown).find("1.depth") < words(shown).find("bag-of-words")


def test_an_ablation_answers_which_choices_matter(ablation: Document) -> None:
    said = ablation.answer[0]
    assert re.match(r"The choice makes no significant difference on lamps: [+-]\d+\.\d \([+-].* to [+-].*\)", said), (
        said
    )
    whole, *_ = document(analyse(a_run(ablated=True, fail=()))).answer
    assert whole.startswith("The choice makes a significant difference on lamps: 1. depth: +41.7 (+")


def test_the_page_of_an_ablation_draws_its_edges_and_no_pairs_of_its_points(ablation: Document) -> None:
    titles = [block.title for section in ablation.sections for block in section.blocks if isinstance(block, Figure)]
    assert titles[0].startswith("Effects") and not [title for title in titles if title.startswith("Differences")]


def test_a_section_by_itself_is_asked_for_by_its_id(comparison: Document) -> None:
    assert [section.id for section in comparison.only(["tiers", "scores"]).sections] == ["tiers", "scores"]
    with pytest.raises(UnknownName, match="did you mean 'scores'"):
        comparison.only(["score"])


def test_a_table_by_itself_is_a_csv_of_its_own(comparison: Document) -> None:
    rows = list(csv.DictReader(StringIO(renderer("csv")(comparison.only(["seeds"])))))
    assert {row["system"] for row in rows} == {*WRONG, "majority", "bag-of-words"}
    first = next(row for row in rows if (row["system"], row["seed"]) == ("bert-tiny", "1"))
    assert first["score x 100"] == "57.5000"


def test_a_strangers_format_is_one_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def headings(made: Document) -> str:
        return "\n".join(section.title for section in made.sections)

    folder, out = saved(a_run(ablated=False), tmp_path / "run"), tmp_path / "headings.txt"
    catalog = Catalog.of(builtin_plugin, acme=Offers(api_version=1, report_formats={"headings": headings}))
    monkeypatch.setattr(Catalog, "installed", lambda: catalog)
    report(folder, "headings", out)
    assert out.read_text().splitlines()[:2] == ["Summary", "Scores"]
    with pytest.raises(UnknownName, match="did you mean 'headings'"):
        report(folder, "heading", out)


PLACES = r"\s|(?<=\+)(?=[a-z])"
"""Where a line may break."""

TABLE = Table(
    ("system", "what was changed in it", "score", "95% interval"),
    (
        (
            "bert-tiny+encoder=albert.shared+dims.n_layers=12",
            "the encoder, which is shared now",
            "55.0 ± 2.5",
            "+1 to +2",
        ),
        ("bert-tiny", "nothing", "5.0 ± 0.5", "-11.5 to +22.5"),
    ),
    words={"what was changed in it"},
)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, None])
def test_a_table_fits_its_terminal_and_breaks_no_word(width: int | None) -> None:
    lines = table_lines(TABLE, width)
    cells = (*TABLE.columns, *(cell for row in TABLE.rows for cell in row))
    pieces = {piece for cell in cells for piece in re.split(PLACES, cell)}
    seen = {piece for line in lines for piece in re.split(rf"{PLACES}|:(?=\s)", line)}
    assert pieces <= seen
    longest = max(map(len, pieces))
    assert all(len(line) <= max(width, longest + 4) for line in lines) if width else len(lines) == 4


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_number_is_never_divided_over_lines(width: int) -> None:
    assert all(any(cell in line for line in table_lines(TABLE, width)) for row in TABLE.rows for cell in row[2:])


def test_a_long_table_is_cut_on_a_terminal_and_what_is_left_out_is_counted() -> None:
    table = Table(("n",), tuple((f"{n}",) for n in range(50)))
    made = Document("", (Section("s", "Numbers", (table, Notes(("All of them.",)))),))
    assert "... and 40 more rows" in text(made, 80, most_rows=10) and "\n49\n" not in text(made, 80, most_rows=10)
    assert "\n49\n" in renderer("terminal")(made)


def test_latex_prints_minus_signs_of_numbers_and_hyphens_of_words() -> None:
    table = Table(("system", "difference"), (("a-1 - b", "-10.6 (-18.6 to -2.6)"), ("c", "-")))
    source = renderer("latex")(Document("", (Section("differences", "", (table,)),)))
    assert r"a-1 - b & $-$10.6 ($-$18.6 to $-$2.6) \\" in source and r"c & - \\" in source
