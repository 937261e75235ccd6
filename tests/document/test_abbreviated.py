"""Long names of systems, for people and for programs."""

from __future__ import annotations

import json

import pytest

from zoo.document import Axis, Chart, Document, Figure, Notes, Panel, Point, Section, Series, Table
from zoo.document.formats import renderer
from zoo.document.text import text

LONG = "bert-tiny+objectives=bert.mlm,albert.sop+objectives.albert.sop.pair=compare"
LONGER = f"{LONG}+encoder=albert.shared"
FOLDER = "runs/a-folder-with-a-long-name/of-many-parts/model+finetuning.steps=100"


def made(*names: str) -> Document:
    points = tuple(Point(1.0 + place, 2.0, label=name) for place, name in enumerate(names))
    chart = Chart((Panel("scores", tuple(Series(name, points) for name in names), Axis("cost")),), names=names)
    blocks = (
        Notes((f"{names[-1]} is the best.",), lead=True),
        Table(("system", "score"), tuple((name, "1.0") for name in names)),
        Figure("score against cost", chart),
    )
    sections = (Section("answer", "", blocks, brief=True), Section("repeat", "Again", (Notes((f"zoo show {LONG}",)),)))
    return Document(f"Comparison of {', '.join(names)}", sections, names=names)


@pytest.mark.parametrize("format", ["terminal", "markdown", "html", "latex"])
def test_people_read_a_number_and_a_legend(format: str) -> None:
    shown = renderer(format)(made("bert-tiny", LONG, LONGER)).replace(r"\#", "#").replace("<wbr>", "")
    assert shown.count("bert-tiny #1") >= 2 and shown.count("bert-tiny #2") >= 3
    plain = shown.replace(r"\allowbreak{}", "").replace("\n  ", "").replace("\\", "")
    assert plain.count(LONG) == 3  # the legend's two lines, and the command


def test_rows_fit_into_80_columns_unless_only_a_legend_is_wider() -> None:
    lines = text(made("bert-tiny", LONG, FOLDER), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "model #2 is the best." in lines


def test_a_name_in_another_systems_name_stays() -> None:
    name, others = f"{LONG}+dims.n_layers=1", ("{}2", "{}.5", "{},4", "my-{}", "zoo/{}")
    said = [other.format(name) for other in others]
    notes = Notes((*(f"taught by {each}, all of it" for each in said), f"{name}+x=1 is not {name}, nor ({name})."))
    lines = text(Document("", (Section("answer", "", (notes,)),), names=(name,)))
    assert all(each in lines for each in said)
    assert "bert-tiny #1+x=1 is not bert-tiny #1, nor (bert-tiny #1)." in lines


def test_names_that_are_short_stay() -> None:
    assert "#" not in renderer("terminal")(made("bert-tiny", "bert-tiny+encoder=albert.shared"))


@pytest.mark.parametrize("format", ["csv", "json"])
def test_programs_read_the_names(format: str) -> None:
    shown = renderer(format)(made("bert-tiny", LONG))
    assert LONG in shown and "bert-tiny #1" not in shown
    if format == "json":
        json.loads(shown)
