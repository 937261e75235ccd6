"""The page of a report in a real browser, where one is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.synthetic_runs import made_up, renamed
from zoo.document.formats import renderer
from zoo.experiments.report.build import document
from zoo.experiments.statistics.analysis import analyse

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)

pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"needs a browser: none of {', '.join(BROWSERS)} is installed")

HOSTILE = "</style></script><script>document.title='taken'</script>\"'"

FRAME = """<!doctype html><title>waiting</title><iframe src="report.html" width="%d" height="800"></iframe>
<script>
  const frame = document.querySelector("iframe");
  frame.addEventListener("load", () => {
    const page = frame.contentDocument;
    const answer = (() => { %s })();
    const box = document.createElement("pre");
    box.textContent = JSON.stringify(answer);
    document.body.append(box);
  });
</script>
"""

SORT = """
  const table = page.querySelector("#differences").closest("section").querySelector("table");
  const column = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === "difference");
  const head = table.tHead.rows[0].cells[column];
  const seen = () => [...table.tBodies].flatMap((body) => [...body.rows]).map((row) => row.cells[column].textContent);
  const turns = [["none", seen()]];
  for (let n = 0; n < 3; n++) { head.querySelector("button").click(); turns.push([head.ariaSort ?? "none", seen()]); }
  return turns;
"""

FILTER = """
  const table = page.querySelector("#differences").closest("section").querySelector("table");
  const input = table.closest("section").querySelector("input");
  input.value = "mean  NOT";
  input.dispatchEvent(new Event("input"));
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
  const shown = rows.filter((row) => row.getClientRects().length);
  const count = table.closest("section").querySelector("output").textContent;
  return [shown.map((row) => row.textContent), rows.length, count];
"""

WIDTH = """
  const root = page.documentElement;
  const wide = [...page.querySelectorAll("body *")].filter((one) => !one.closest(".scroll, pre, svg")
    && one.getBoundingClientRect().right > root.clientWidth + 1);
  return [root.scrollWidth, root.clientWidth, wide.map((one) => one.outerHTML.slice(0, 80)), page.title];
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of four variants on a task whose name is an attack."""
    wrong = {f"bert-tiny+dims.n_layers={n}": [2 * n, 2 * n + 1, 2 * n] for n in range(3, 8)}
    run = renamed(made_up(3, wrong, pretrain=True), HOSTILE)
    folder = tmp_path_factory.mktemp("page")
    (folder / "report.html").write_text(renderer("html")(document(analyse(run))), encoding="utf-8")
    return folder


def asked(folder: Path, code: str, width: int = 1_200) -> Any:
    """What some code on the page returns; nothing may be written to the console."""
    (folder / "frame.html").write_text(FRAME % (width, code), encoding="utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=3000"]
    flags += ["--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}"]
    command = [str(BROWSER), *flags, "--dump-dom", str(folder / "frame.html")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not console
    found = re.search(r"<pre>(.*?)</pre>", done.stdout, flags=re.S)
    assert found, done.stdout[-2_000:]
    return json.loads(unescape(found[1]))


def test_a_click_on_a_column_sorts_by_its_numbers_and_a_third_one_restores_the_order(folder: Path) -> None:
    turns = dict(asked(folder, SORT))
    assert set(turns) == {"none", "descending", "ascending"}
    numbers = [float(cell) for cell in turns["descending"]]
    assert numbers == sorted(numbers, reverse=True) and turns["ascending"] == turns["descending"][::-1]
    assert sorted(turns["none"]) == sorted(turns["descending"]) and turns["none"] != turns["descending"]


def test_a_filter_keeps_the_rows_that_have_all_words(folder: Path) -> None:
    shown, n_rows, count = asked(folder, FILTER.replace("mean  NOT", "n_layers=5  NOT"))
    assert 0 < len(shown) < n_rows == 10
    assert all("n_layers=5" in row and "not significant" in row for row in shown)
    assert count == f"{len(shown)} of {n_rows} rows"


@pytest.mark.parametrize("width", [360, 768])
def test_nothing_is_wider_than_a_telephone_but_tables_that_scroll(folder: Path, width: int) -> None:
    scroll_width, client_width, wide, title = asked(folder, WIDTH, width)
    assert scroll_width == client_width and client_width <= width
    assert wide == []
    assert title.startswith("Comparison of ")  # no name was run as a script
