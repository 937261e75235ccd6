from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zoo.cli import main

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "audit-tables.md"
COMMAND = "zoo audit --module --update docs/audit-tables.md"


def test_the_documented_command_leaves_the_results_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = RESULTS.read_text()
    assert f"\n{COMMAND}\n" in committed
    (tmp_path / "docs").mkdir()
    copy = tmp_path / "docs" / "audit-tables.md"
    copy.write_text(committed)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", COMMAND.split())
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert copy.read_text() == committed


def test_the_results_tell_what_is_and_is_not_explained() -> None:
    rows = [line for line in RESULTS.read_text().splitlines() if line.startswith("| albert-xxlarge-v1 |")]
    told = {figure: next(row for row in rows if f"| {figure} |" in row) for figure in ("225M", "233M", "235M")}
    assert "position and segment tables at width H" in told["225M"]
    assert told["233M"].endswith("| unexplained |") and told["235M"].endswith("| unexplained |")
