"""Runs that share jobs: with each other, with the run that was stopped before, with one at work at the same time."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.typed import typed
from zoo.experiments.results.folder import read_run
from zoo.experiments.results.records import FailedResult, fingerprint
from zoo.experiments.results.run import ComparisonRun

pytestmark = pytest.mark.slow


def compare(out: Path, *arguments: object) -> CompletedProcess[str]:
    return typed("compare", *arguments, "--workers", "0", "--out", out)


def process(out: Path, small: list[str]) -> list[str]:
    """The command that does the same in a process of its own."""
    return [sys.executable, "-m", "zoo", "compare", *small, "--workers", "0", "--out", str(out)]


def fingerprints(folder: Path) -> dict[str, str]:
    run: ComparisonRun = read_run(folder)
    return {r.job.name: fingerprint(r) for r in run.results if not isinstance(r, FailedResult)}


def done(told: str) -> list[str]:
    """What a run says that it has done itself."""
    return re.findall(r"^\d+/\d+ done: (.*), [\d.,]+ s; ", told, re.MULTILINE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, small: list[str]) -> Path:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    made = compare(folder, *small)
    assert made.returncode == 0, made.stderr
    return folder


def test_a_plan_is_a_file_that_can_be_done_elsewhere(whole: Path, small: list[str], tmp_path: Path) -> None:
    saved = typed("compare", *small, "--save-plan", tmp_path / "plan.json")
    assert saved.returncode == 0, saved.stderr
    assert (tmp_path / "plan.json").read_text().strip() == (whole / "plan.json").read_text()
    again = typed("compare", "--plan", tmp_path / "plan.json", "--workers", "1", "--out", tmp_path / "run")
    assert again.returncode == 0, again.stderr
    assert fingerprints(tmp_path / "run") == fingerprints(whole)
    both = [json.loads((folder / "results.json").read_text()) for folder in (whole, tmp_path / "run")]
    assert both[0]["plan_hash"] == both[1]["plan_hash"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plan: plan.update(format=1), "another version of the zoo wrote this"),
        (lambda plan: plan.update(corpus_hash="0" * 64), "is not the text that was planned"),
        (lambda plan: plan["tasks"][0].update(content_hash="0" * 64), "'micro-sentiment' is not what was planned"),
        (lambda plan: plan["variants"][0]["encoder"].update(name="albert.sharde"), "did you mean 'albert.shared'"),
    ],
)
def test_a_plan_that_means_something_else_here_is_refused(
    change: Any, message: str, whole: Path, tmp_path: Path
) -> None:
    plan = json.loads((whole / "plan.json").read_text())
    change(plan)
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    refused = typed("compare", "--plan", tmp_path / "plan.json", "--out", tmp_path / "run")
    assert refused.returncode == 2
    assert message in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_plan_and_options_that_plan_are_refused_together(whole: Path) -> None:
    refused = typed("compare", "--plan", whole / "plan.json", "--seeds", "5")
    assert refused.returncode == 2
    assert "the plan decides --seeds; leave that out" in refused.stderr


def test_more_seeds_take_over_the_jobs_of_fewer(whole: Path, small: list[str], tmp_path: Path) -> None:
    more = [*small[:-1], "4"]
    foretold = typed("compare", *more, "--dry-run", "--json", "--reuse", whole, "--out", tmp_path / "run")
    forecast = json.loads(foretold.stdout)
    assert Counter(job["state"] for job in forecast["jobs"]) == {"to be reused": 6, "to do": 1}
    assert forecast["seconds"] > 0 and forecast["disk_bytes"] > 0
    assert not (tmp_path / "run").exists()
    made = compare(tmp_path / "run", *more, "--reuse", whole.parent)
    assert made.returncode == 0, made.stderr
    assert len(done(made.stderr)) == 7  # taken over or not, each is new to this folder
    assert fingerprints(whole).items() <= fingerprints(tmp_path / "run").items()
    kept = [folder / "checkpoints" / "albert-tiny" / "model.safetensors" for folder in (whole, tmp_path / "run")]
    assert kept[0].read_bytes() == kept[1].read_bytes()


def test_jobs_made_by_other_versions_are_neither_mixed_nor_overwritten(
    whole: Path, small: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    path = folder / "jobs" / "finetune-albert-tiny-micro-sentiment-s1.json"
    job = json.loads(path.read_text())
    job["environment"]["libraries"]["torch"], job["key"] = "1.0", "0" * 64
    path.write_text(json.dumps(job))
    refused = compare(folder, *small)
    assert refused.returncode == 2
    assert f"{path.name} was made by other code, versions or hardware: libraries.torch (1.0 then" in refused.stderr
    assert json.loads(path.read_text()) == job


def test_two_runs_in_one_folder_share_the_jobs(whole: Path, small: list[str], tmp_path: Path) -> None:
    command = process(tmp_path / "run", small)
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [run.communicate(timeout=600)[1] for run in both]
    assert [run.returncode for run in both] == [0, 0], told
    n_jobs = len(fingerprints(whole))
    assert Counter(line for one in told for line in done(one)).most_common(1)[0][1] == 1
    assert sum(len(done(one)) for one in told) == n_jobs
    assert fingerprints(tmp_path / "run") == fingerprints(whole)


def test_a_run_killed_five_times_ends_as_if_it_had_not_been(whole: Path, small: list[str], tmp_path: Path) -> None:
    dice = random.Random(0)
    command = process(tmp_path / "run", small)
    for _ in range(5):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            try:
                run.wait(timeout=dice.uniform(1.5, 5.0))
            except subprocess.TimeoutExpired:
                os.kill(run.pid, signal.SIGKILL)
    begun = (tmp_path / "run/plan.json").exists()
    ended = compare(tmp_path / "run", "--resume") if begun else None
    ended = ended or compare(tmp_path / "run", *small)
    assert ended.returncode == 0, ended.stderr
    assert fingerprints(tmp_path / "run") == fingerprints(whole)
    for name in ("results.json", "checkpoints/albert-tiny/model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes(), name
    assert not [path for path in (tmp_path / "run").rglob(".*")]


def test_a_full_disk_fails_jobs_and_what_is_missing_is_done_later(
    whole: Path, small: list[str], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=724k", "none", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    try:
        full = compare(disk / "run", *small)
        assert full.returncode == 1
        assert "No space left on device" in full.stderr and "Traceback" not in full.stderr
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
        ended = compare(disk / "run", "--resume")
        assert ended.returncode == 0, ended.stderr
        assert fingerprints(disk / "run") == fingerprints(whole)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_without_a_run_there_is_nothing_to_resume(tmp_path: Path) -> None:
    refused = typed("compare", "--resume", cwd=tmp_path)
    assert refused.returncode == 2
    assert "there is no run in runs to continue" in refused.stderr
    refused = typed("compare", "--resume", "--out", "there", cwd=tmp_path)
    assert refused.returncode == 2 and "there is no run in there to continue" in refused.stderr
