"""The board: what is compared with what, its page in a browser, and folders that are no runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from html import unescape
from pathlib import Path

import jsonschema
import pytest

import zoo
from tests.experiments.synthetic_runs import made_up, saved
from tests.typed import typed
from zoo.experiments.board import page as board_page
from zoo.experiments.board.records import Board, Cell, Group, LeftOut, Row, RunEntry, schema

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCHEMAS = Path(__file__).resolve().parents[3] / "docs" / "schema"
HOSTILE = "</script><script>document.title='taken'</script>"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs of one comparison, one with another budget, and a judged folder."""
    bert = made_up(3, {"bert-tiny": [5, 2, 2]}, pretrain=True)
    albert = made_up(3, {"albert-tiny": [22, 20, 17]}, pretrain=True)
    for name, run in (("one", bert), ("two", albert)):
        saved(run, tmp_path / "runs" / name)
    other = made_up(3, {"bert-tiny+pretraining.tokens=40000": [5, 5, 5]})
    saved(other, tmp_path / "runs" / "three")
    zoo.judge({"theirs": [0.8, 0.9]}, out=tmp_path / "runs" / "judged")
    return tmp_path / "runs"


def test_runs_that_merge_are_compared_and_others_say_why_not(runs: Path) -> None:
    board = zoo.board(runs).board
    names = {group.label: [board.runs[place].name for place in group.runs] for group in board.groups}
    assert sorted(names.values()) == [["judged"], ["one", "two"], ["three"]]
    (group,) = (group for group in board.groups if len(group.runs) == 2)
    rows = {row.system: row for row in board.rows if row.group == group.label}
    assert next(iter(rows)) == "bert-tiny" and {*rows} == {"bert-tiny", "albert-tiny", "majority", "bag-of-words"}
    assert rows["bert-tiny"].cells["lamps"].leads and not rows["albert-tiny"].cells["lamps"].leads
    assert rows["bert-tiny"].family == "bert" and rows["majority"].is_baseline
    assert rows["bert-tiny"].costs["parameters stored"] > 100_000
    assert rows["bert-tiny"].cells["lamps"].score == pytest.approx(1 - 3 / 40)
    (alone,) = (group for group in board.groups if [board.runs[p].name for p in group.runs] == ["three"])
    assert any("pre-training tokens" in why or "not the same" in why for why in alone.why)


def test_a_board_of_one_comparison_agrees_with_its_report(tmp_path: Path) -> None:
    run = made_up(5, {"bert-tiny": [5, 2, 2, 6, 4], "albert-tiny": [12, 15, 11, 9, 14]})
    folder = saved(run, tmp_path / "run")
    (found,) = zoo.report(folder).statistics.between_variants()
    cell = next(row for row in zoo.board(folder).board.rows if row.system == "albert-tiny").cells["lamps"]
    assert (found.verdict == "better") == (not cell.leads)
    assert f"{100 * found.difference:+.1f} points" in cell.verdict


def test_the_same_runs_give_the_same_bytes_and_what_is_no_run_is_left_out(runs: Path, tmp_path: Path) -> None:
    first = zoo.board(runs, out=tmp_path / "a")
    second = zoo.board(*sorted(runs.iterdir(), reverse=True), out=tmp_path / "b")
    for name in ("index.html", "board.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert first.board == second.board
    (runs / "two" / "plan.json").write_text("{")
    (tmp_path / "empty").mkdir()
    done = typed("board", runs, tmp_path / "empty", "--out", tmp_path / "site")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and "two: " in lines[1] and "holds no run" in lines[0]
    assert "holds no run" in (tmp_path / "site" / "index.html").read_text()
    assert typed("board", tmp_path / "empty", "--out", tmp_path / "site").returncode == 2


def test_the_data_keep_to_the_published_schema(runs: Path, tmp_path: Path) -> None:
    published = (SCHEMAS / "board.schema.json").read_text()
    assert published == schema(), "write docs/schema/board.schema.json again: zoo.experiments.board.records.schema()"
    made = zoo.board(runs, out=tmp_path / "site")
    assert made.folder
    jsonschema.validate(json.loads((made.folder / "board.json").read_text()), json.loads(published))


def large(n_systems: int, n_tasks: int, n_seeds: int) -> Board:
    """A board of so many systems in two groups, one of which has a hostile name."""
    tasks = tuple(f"task-{n}" for n in range(n_tasks))
    verdict = "variant-000, the best, scores +3.1 points (+1.2 to +4.9), p = 0.002: better"

    def cell(system: int, task: int) -> Cell:
        seeds = {str(seed): (system * 37 + task * 11 + seed) % 100 / 100 for seed in range(n_seeds)}
        mean = sum(seeds.values()) / n_seeds
        return Cell(
            seeds=seeds, score=mean, low=mean - 0.01, high=mean + 0.01, leads=not (system + task) % 9, verdict=verdict,
            n_items=872, run=system % 2, place=0,
        )  # fmt: skip

    rows = [
        Row(
            system=HOSTILE if n == 1 else f"variant-{n:03}", family=("bert", "albert")[n % 3 == 0], group="AB"[n % 2],
            device="cpu in fp32", costs={"parameters stored": 1e6 * (n + 1)}, mean=n / n_systems,
            cells={task: cell(n, place) for place, task in enumerate(tasks)},
        )
        for n in range(n_systems)
    ]  # fmt: skip
    groups = tuple(
        Group(label=label, data=f"text {label}", runs=(place,), settings=("3 epochs",), why=())
        for place, label in enumerate("AB")
    )
    return Board(
        tasks=tasks,
        metrics=dict.fromkeys(tasks, "accuracy"),
        groups=groups,
        rows=tuple(sorted(rows, key=lambda row: row.group)),
        runs=tuple(RunEntry(name=HOSTILE, hash="ab" * 32) for _ in groups),
        environments=("cpu, one thread",),
        left_out=(LeftOut(name=HOSTILE, reason=HOSTILE),),
    )


def test_a_page_of_200_systems_20_tasks_and_5_seeds_is_small_and_runs_nothing_of_its_data() -> None:
    html = board_page.render(large(200, 20, 5))
    assert len(html.encode()) < 5_000_000
    assert html.count("<script") == 2  # the zoo's own, and the data, which is no program
    assert HOSTILE not in html
    assert not re.search(r"https?://(?!www\.w3\.org)", html)


def test_a_long_name_is_a_number_in_the_table_and_whole_in_its_legend() -> None:
    name = "bert-tiny+dims.embedding_width=64+encoder=albert.shared"
    board = large(3, 2, 1)
    rows = tuple(row.model_copy(update={"system": name}) if row.system == "variant-002" else row for row in board.rows)
    html = board_page.render(board.model_copy(update={"rows": rows})).replace("<wbr>", "")
    assert '<th scope="row" class="words">bert-tiny #1</th>' in html
    assert f"<li>bert-tiny #1: {name}</li>" in html
    assert json.loads(html.partition('id="board-data">')[2].partition("</script>")[0])["rows"][1]["system"] == name


CLICKS = """
addEventListener("load", () => {
  const said = {};
  const table = document.querySelector("table.board");
  table.tHead.rows[0].cells[5].querySelector("button").click();
  table.getBoundingClientRect();  // lays it out
  said.orders = [...table.tBodies].map((body) => [...body.rows].map((row) => parseFloat(row.cells[5].textContent)));
  const family = document.querySelector("select[name=family]");
  family.value = "albert";
  family.dispatchEvent(new Event("input", { bubbles: true }));
  said.count = document.querySelector(".controls output").textContent;
  table.querySelector("td button").click();
  said.dialog = document.querySelector("dialog").innerText;
  said.open = document.querySelector("dialog").open;
  said.wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  said.title = document.title;
  document.documentElement.dataset.said = JSON.stringify(said);
});
"""


def busiest_main_thread(trace: Path) -> float:
    """The seconds of processor time of the page's main thread, which other work on the machine does not change much."""
    events = json.loads(trace.read_text())["traceEvents"]
    names = {(one["pid"], one["tid"]): one["args"]["name"] for one in events if one["name"] == "thread_name"}
    spent: Counter[int] = Counter()
    for one in events:
        if one["name"].endswith("RunTask") and names.get((one["pid"], one["tid"])) == "CrRendererMain":
            spent[one["pid"]] += one.get("tdur", 0)
    return max(spent.values()) / 1e6


@pytest.mark.skipif(BROWSER is None, reason="needs a browser: neither Chromium nor Chrome is installed")
@pytest.mark.parametrize("width", [1200, 500])
def test_a_browser_sorts_filters_and_opens_a_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    read = board_page._text
    monkeypatch.setattr(board_page, "_text", lambda name: read(name) + (CLICKS if name == "board.js" else ""))
    (tmp_path / "board.html").write_text(board_page.render(large(200, 20, 5)), encoding="utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--window-size={width},800"]
    flags += ["--trace-startup=toplevel", "--trace-startup-format=json", "--trace-startup-duration=0"]
    flags += [f"--trace-startup-file={tmp_path / 'trace.json'}", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [str(BROWSER), *flags, "--dump-dom"]
    done = subprocess.run(
        [*command, (tmp_path / "board.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    found = re.search(r'data-said="([^"]*)"', done.stdout)
    assert found
    said = json.loads(unescape(found[1]))
    assert all(order == sorted(order, reverse=True) for order in said["orders"])
    assert said["count"] == "67 of 200 rows"
    assert said["open"] and "3 epochs" in said["dialog"] and "cpu, one thread" in said["dialog"]
    assert said["wider"] <= 0
    assert said["title"] == "Leaderboard"
    assert busiest_main_thread(tmp_path / "trace.json") < 1.0  # to open, sort, filter and show a score
