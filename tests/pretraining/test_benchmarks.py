"""The benchmarks that docs/results.md quotes run as it says, here at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import bench_overhead, pair_objectives

pytestmark = pytest.mark.slow


def test_models_are_asked_for_each_others_task(text: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pair_objectives.main(f"{text} --out {tmp_path} --tokens 2000 --seeds 1 --steps 2".split())
    rows = [line for line in capfd.readouterr().out.splitlines() if line.startswith("| MLM")]
    assert [row.split(" | ")[0] for row in rows] == ["| MLM alone", "| MLM and NSP", "| MLM and SOP"]
    for row in rows:
        *_, own_nsp, own_sop, new_nsp, new_sop = row.strip("| ").split(" | ")
        assert (own_nsp == own_sop == "-") == row.startswith("| MLM alone")
        assert 0 <= float(new_nsp) <= 100 and 0 <= float(new_sop) <= 100


def test_a_runs_time_is_told_apart(capfd: pytest.CaptureFixture[str]) -> None:
    bench_overhead.main(["--variant", "bert-tiny", "--steps", "4"])
    row = json.loads(capfd.readouterr().out)
    assert row["tokens/s"] > 0 and 0 <= row["overhead, %"] < 100 and 0 <= row["waiting, %"] < 100
