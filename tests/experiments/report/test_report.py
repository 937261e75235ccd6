"""What is said about a run: numbers, charts, and names that may hold anything."""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import jsonschema
import pytest

from tests.experiments.synthetic_runs import made_up, renamed, rendered, saved, section
from zoo import Catalog
from zoo.cli import main
from zoo.core.errors import visible
from zoo.document.latex import escaped
from zoo.experiments.report.costs import beaten, cost_table, scored_costs
from zoo.experiments.report.models import audit_table, common_table, variant_table
from zoo.experiments.report.provenance import missing_table
from zoo.experiments.report.results_json import schema, summary
from zoo.experiments.report.scores import averages, score_table
from zoo.experiments.results.records import FailedResult, ModelResult, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.latency import spread_by_length, summed_up
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.costs import MEMORY, OPERATIONS, PARAMETERS, Quantity, quantities
from zoo.experiments.statistics.verdicts import compare_systems

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "schema" / "results.schema.json"
WRONG = {"bert-tiny": [18, 17, 19], "albert-tiny": [1, 2, 1]}


@pytest.fixture(scope="module")
def run() -> ComparisonRun:
    return made_up(3, WRONG, pretrain=True)


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def stuck(run: ComparisonRun, system: str, seed: int) -> ComparisonRun:
    """The run with one that answers 1 throughout."""
    results = [
        r.model_copy(update={"predictions": {"dev": [1] * 40}, "main_score": 0.5})
        if isinstance(r, TaskResult) and (r.job.system, r.job.seed) == (system, seed)
        else r
        for r in run.results
    ]
    return replace(run, results=tuple(results))


def elsewhere(run: ComparisonRun) -> ComparisonRun:
    """The run, with one variant done on another machine."""
    results = [
        r.model_copy(update={"environment": r.environment.model_copy(update={"processor": "Abacus 9000"})})
        if not isinstance(r, FailedResult) and r.job.system == "albert-tiny"
        else r
        for r in run.results
    ]
    return replace(run, results=tuple(results))


def test_an_average_counts_each_task_once_with_and_without_runs_of_constant_predictions(run: ComparisonRun) -> None:
    two = stuck(run, "albert-tiny", 1)
    found = compare_systems(two)
    spreads = found.spreads | {"other": {"albert-tiny": found.spreads["lamps"]["bert-tiny"]}}
    average = averages(found.model_copy(update={"spreads": spreads}), ["albert-tiny", "bert-tiny"], [*spreads])
    lamps, other = (39 / 40 + 0.5 + 39 / 40) / 3, (22 / 40 + 23 / 40 + 21 / 40) / 3
    assert average["albert-tiny"].mean == pytest.approx((lamps + other) / 2)
    assert average["albert-tiny"].without_constant == pytest.approx((39 / 40 + other) / 2)
    assert (average["albert-tiny"].n_constant, average["albert-tiny"].n_runs) == (1, 6)
    assert average["bert-tiny"].mean is None  # it has nothing on the other task
    assert score_table(two, found).by_label["albert-tiny"][-1] == "1 of 3"


def a_cost(noise: float = 0.0, **values: float) -> Quantity:
    return Quantity("MB", {f"{name}-tiny": value for name, value in values.items()}, {}, noise=noise)


def test_a_variant_is_beaten_by_a_better_one_that_costs_no_more(run: ComparisonRun) -> None:
    found = compare_systems(run)  # albert-tiny is significantly better
    assert beaten(a_cost(bert=2.0, albert=2.0), found) == {"bert-tiny": ["albert-tiny"]}
    assert beaten(a_cost(bert=1.0, albert=2.0), found) == {}
    assert beaten(a_cost(bert=670.0, albert=678.0), found) == {}
    assert beaten(a_cost(0.05, bert=670.0, albert=678.0), found) == {"bert-tiny": ["albert-tiny"]}


def test_of_two_that_are_as_good_only_what_is_shown_equivalent_beats_by_its_cost() -> None:
    alike = made_up(6, {"bert-tiny": [1] * 6, "albert-tiny": [1] * 5 + [2]}, pretrain=True)
    cheaper = a_cost(bert=2.0, albert=1.0)
    assert beaten(cheaper, compare_systems(alike)) == {}
    shown = replace(alike, plan=alike.plan.model_copy(update={"claims": alike.plan.claims.changed(margin=15.0)}))
    assert [d.verdict for d in compare_systems(shown).between_variants()] == ["equivalent"]
    assert beaten(cheaper, compare_systems(shown)) == {"bert-tiny": ["albert-tiny"]}


def test_a_variant_without_a_score_on_every_task_is_in_no_chart_of_costs(run: ComparisonRun) -> None:
    assert scored_costs(run, compare_systems(run))[0].label == PARAMETERS
    none = made_up(
        3, WRONG, fail=tuple(f"finetune-{name}-lamps-s{s}" for name in WRONG for s in range(3)), pretrain=True
    )
    assert scored_costs(none, compare_systems(none)) == []


def test_times_of_different_machines_are_withheld_unless_asked_for(run: ComparisonRun) -> None:
    mixed = elsewhere(run)
    assert MEMORY in {q.label for q in quantities(run)}
    assert {q.label for q in quantities(mixed)} >= {PARAMETERS, OPERATIONS}
    assert MEMORY not in {q.label for q in quantities(mixed)}
    told = next(note for note in section(mixed, "costs").notes if note.startswith("Times"))
    assert "withheld" in told and "Abacus 9000" in told
    asked = replace(mixed, across_hardware=True)
    assert MEMORY in {q.label for q in quantities(asked)}
    assert any("compared on request" in note for note in section(asked, "costs").notes)


def test_scores_of_different_devices_are_not_shown_without_saying_so(run: ComparisonRun) -> None:
    assert not any("device" in note for note in section(run, "scores").notes)
    card = {"device": "cuda", "accelerator": "ACME 9000", "driver": "570.1", "precision": "bf16"}
    flash = {"kernels": ("flash",)}
    results = [
        r.model_copy(
            update={"environment": r.environment.model_copy(update=card), "cost": r.cost.model_copy(update=flash)}
        )
        if not isinstance(r, FailedResult) and (r.job.system, r.job.seed) == ("albert-tiny", 1)
        else r
        for r in run.results
    ]
    mixed = replace(run, results=tuple(results))
    (told,) = (note for note in section(mixed, "scores").notes if "device" in note)
    assert "cpu in fp32: bert-tiny, albert-tiny; ACME 9000 in bf16: albert-tiny" in told
    assert {"driver 570.1", "kernels of attention and layers: flash"} < {*section(mixed, "environment").notes}


def test_latency_is_told_with_its_quartiles_in_milliseconds(run: ComparisonRun) -> None:
    table = cost_table(run)
    at = table.columns.index("latency of one item, ms")
    assert [row[at] for row in table.rows] == ["2.00 (1.00 to 3.00)"] * 2


def test_the_timed_sequences_are_as_long_as_all() -> None:
    lengths = [bytes(n) for n in (9, 1, 4, 2, 8, 3, 7, 5, 6, 10)]
    assert [len(chosen) for chosen in spread_by_length(lengths, 5)] == [2, 4, 6, 8, 10]  # type: ignore[arg-type]
    assert len(spread_by_length(lengths, 50)) == 10  # type: ignore[arg-type]
    assert summed_up([4.0, 1.0, 2.0, 3.0, 5.0]).model_dump() == {"median": 3.0, "low": 2.0, "high": 4.0, "repeats": 5}


def test_the_audit_and_the_differences_stand_in_the_results(run: ComparisonRun) -> None:
    rows = audit_table(run).by_label
    assert rows["encoder: attention"] == ("132,096", "66,048, runs 2 times")  # 2 layers of 4(128² + 128), or 1 layer
    assert variant_table(run).by_label["dims.embedding_width"] == ("128", "64")
    assert variant_table(run).by_label["encoder"] == ("bert.stack", "albert.shared")


def test_settings_of_all_variants_are_shown_as_far_as_they_are_set(run: ComparisonRun) -> None:
    shown = common_table(run).by_label
    assert shown["finetuning.learning_rate"] == ("0.001",) and not {"finetuning.mixup", "finetuning.patience"} & {
        *shown
    }
    variants = [
        variant.model_copy(update={"finetuning": variant.finetuning.model_copy(update={"early_stopping": 0.1})})
        for variant in run.plan.variants
    ]
    stopping = replace(run, plan=run.plan.model_copy(update={"variants": tuple(variants)}))
    added = {*common_table(stopping).by_label} - {*shown}
    assert added == {f"finetuning.{name}" for name in ("early_stopping", "patience", "augmented")}


HOSTILE = [
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "=HYPERLINK(1)",
    "@SUM(1)",
    "\x1b[31mred\x07",
    r"$x_1$ \input{/etc/passwd} %",
    "a|b\n# [head](http://x) ![](http://y) `c`",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_everywhere(name: str, run: ComparisonRun) -> None:
    bad = renamed(made_up(3, WRONG, fail=("finetune-albert-tiny-lamps-s2",), pretrain=True), name)
    page = Page(rendered(bad, "html"))
    tags = [tag for tag, _ in page.elements]
    assert not {*tags} & {"img", "iframe", "object", "image", "form", "base"}
    assert (tags.count("script"), tags.count("style"), tags.count("link")) == (1, 1, 2)
    attributes = [attribute for _, of_each in page.elements for attribute in of_each]
    assert not [key for key, _ in attributes if key.startswith("on") or key == "style"]
    assert not [v for k, v in attributes if k in ("href", "src") and v != "data:," and not str(v).startswith("#")]
    assert visible(name) in page.text
    cells = [cell for row in csv.reader(StringIO(rendered(bad, "csv"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "\x1b"))]
    assert "\x1b" not in rendered(bad, "terminal") and "\x07" not in rendered(bad, "terminal")
    source = rendered(bad)
    assert not re.search(r"(?<!\\)(<img|<script|\[head\]|!\[\])", source)
    assert len([line for line in source.splitlines() if line.startswith("# ")]) == 1
    tex = "\n".join(line for line in rendered(bad, "latex").splitlines() if not line.startswith("%"))
    assert not re.search(r"(?<!\\)[_%]", tex.replace("{!}{%", ""))
    assert not re.search(r"(?<!\\)\$", re.sub(r"\$(\\pm|\\rightarrow|\\cdot|\^2|-)\$", "", tex))
    assert r"\input" not in tex


def test_latex_prints_its_special_characters() -> None:
    assert escaped("a_b & 50% #1 $x$ {y} ~ ^ \\z") == (
        r"a\_b \& 50\% \#1 \$x\$ \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z"
    )


def test_every_row_of_the_latex_table_has_as_many_cells_as_columns(run: ComparisonRun) -> None:
    source = rendered(run, "latex")
    tables = re.findall(r"begin\{(?:tabular|longtable)\}\{(\S+)\}\n(.*?)\\end\{", source, flags=re.S)
    assert len(tables) >= 6
    for columns, body in tables:
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert {row.count(" & ") + 1 for row in rows} == {len(re.sub(r">\{.*?\}p\{[\d.]+cm\}", "p", columns))}
    scores = next(body for _, body in tables if body.startswith("\\toprule\nsystem & lamps"))
    first = [line.split(" & ")[0] for line in scores.splitlines() if line.endswith(r"\\")]
    assert first == ["system", "bert-tiny", "albert-tiny", "majority", "bag-of-words"]
    assert r"albert-tiny & \textbf{96.7 $\pm$ 1.4}\textsuperscript{1}" in source
    assert r"bert-tiny & 55.0 $\pm$ 2.5 \textdagger{}\textsuperscript{2}" in source


def test_a_gap_is_told_whether_it_failed_or_is_still_to_be_done() -> None:
    part = made_up(
        2, {"bert-tiny": [1, 2], "albert-tiny": [1, 2]}, fail=tuple(f"finetune-bert-tiny-lamps-s{s}" for s in (0, 1))
    )
    part = replace(part, results=tuple(r for r in part.results if r.job.system != "albert-tiny"))
    rows = score_table(part, compare_systems(part)).by_label
    assert (rows["bert-tiny"][0], rows["albert-tiny"][0]) == ("failed", "not done")
    gaps = missing_table(part, part.plan.jobs).by_label
    assert gaps["finetune-bert-tiny-lamps-s0"] == ("failed: it was told to",)
    assert gaps["finetune-albert-tiny-lamps-s1"] == ("not done yet",)


def test_six_variants_have_a_row_each() -> None:
    names = [f"bert-tiny+dims.n_layers={n}" for n in range(3, 9)]
    many = made_up(2, {name: [n, n + 1] for n, name in enumerate(names)})
    assert list(score_table(many, compare_systems(many)).by_label)[:6] == names


def test_the_published_results_keep_to_the_published_schema(run: ComparisonRun) -> None:
    part = made_up(3, WRONG, fail=("finetune-albert-tiny-lamps-s2",), pretrain=True)
    for made in (run, part):
        for costs in (False, True):
            jsonschema.validate(summary(analyse(made), costs=costs), json.loads(SCHEMA.read_text()))
    wrong = summary(analyse(run)) | {"plan_hash": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(SCHEMA.read_text()))


def test_the_schema_is_that_of_the_records() -> None:
    assert SCHEMA.read_text() == schema(), (
        'write it again: python -c "from zoo.experiments.report.results_json import schema; '
        f'print(schema(), end=str())" > docs/schema/{SCHEMA.name}'
    )


def test_a_report_needs_no_plugin(
    run: ComparisonRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Catalog, "installed", Catalog.of)
    folder = saved(run, tmp_path / "run")
    monkeypatch.setattr(sys, "argv", ["zoo", "report", str(folder), "--format", "html"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    page = Page(capsys.readouterr().out)
    assert sum(tag == "figure" for tag, _ in page.elements) == 5
    for heading in ("Parameters by component", "How the variants differ", "Missing results", "How to reproduce it"):
        assert heading in page.text
    assert isinstance(run.results[0], ModelResult) and "Pre-training" in page.text


@pytest.mark.parametrize(
    ("name", "start"), [("made.md", "# Comparison"), ("made.HTML", "<!doctype html>"), ("made", "Summary")]
)
def test_a_report_is_written_as_its_file_ends(
    name: str, start: str, run: ComparisonRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(run, tmp_path / "run")
    monkeypatch.setattr(sys, "argv", ["zoo", "report", str(folder), "--out", str(tmp_path / name)])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert (tmp_path / name).read_text().lower().startswith(start.lower())
