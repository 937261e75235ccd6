"""The files that SuperGLUE's leaderboard takes."""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.synthetic_runs import predicting, renamed, saved
from tests.tasks.benchmarks import write_lines, write_superglue
from zoo import ZooError
from zoo.cli import main
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.submission.superglue import submit_superglue
from zoo.tasks.superglue import TASKS

BY_NAME = {task.name: task for task in TASKS}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven tasks with 8 test items each, and the diagnostic of gender with 2 items."""
    folder = write_superglue(tmp_path_factory.mktemp("superglue"))
    pair = {"hypothesis": "The nurse left .", "label": "entailment", "pair_id": 1}
    pronouns = enumerate(("his", "her"))
    write_lines(
        folder / "AX-g/AX-g.jsonl", [{**pair, "idx": i, "premise": f"The nurse left {it} ."} for i, it in pronouns]
    )
    return folder


def ran(data: Path, task: str, **fields: Any) -> ComparisonRun:
    """A run with seeds 0 to 3, of which 1 is the best on dev, that read these data."""
    run = predicting(task, {"test": []})
    content = BY_NAME[task].load(data).content_hash
    results = tuple(result.model_copy(update={"data_hash": content, **fields}) for result in run.results)
    tasks = tuple(planned.model_copy(update={"content_hash": content}) for planned in run.plan.tasks)
    plan = run.plan.model_copy(update={"data_folder": str(data), "tasks": tasks})
    return replace(run, plan=plan, results=results)


def lines(folder: Path, name: str) -> list[Any]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def test_each_task_has_the_rows_of_its_best_seed_and_what_is_left_out_is_told(data: Path, tmp_path: Path) -> None:
    boolq, multirc = (ran(data, name) for name in ("boolq", "multirc"))
    answers = {"boolq": [1, 0, 0, 0, 0, 0, 0, 1], "multirc": [[0], [], *[[1]] * 14]}
    results = [
        result.model_copy(update={"test_predictions": {"test": answers[str(result.job.task)]}})
        for result in (*boolq.results, *multirc.results)
    ]
    told = submit_superglue(replace(boolq, results=tuple(results)), None, tmp_path)
    said = [str(source) for source in told]
    assert said[0] == "BoolQ.jsonl: seed 1, the best of 4 on dev (95.0)"
    assert {line.partition(":")[0] for line in said if line.endswith(": no predictions in this run; left out")} == {
        *("CB.jsonl", "COPA.jsonl", "RTE.jsonl", "WiC.jsonl", "WSC.jsonl", "AX-b.jsonl", "AX-g.jsonl", "ReCoRD.jsonl")
    }
    assert lines(tmp_path, "BoolQ.jsonl")[:2] == [{"idx": 0, "label": "true"}, {"idx": 1, "label": "false"}]
    first, *rest = lines(tmp_path, "MultiRC.jsonl")
    assert len(rest) == 7 and first["idx"] == 0
    assert [answer["label"] for answer in first["passage"]["questions"][0]["answers"]] == [1, 0, 0, 0]
    with zipfile.ZipFile(tmp_path / "submission.zip") as archive:
        assert sorted(archive.namelist()) == ["BoolQ.jsonl", "MultiRC.jsonl"]
        assert archive.read("BoolQ.jsonl") == (tmp_path / "BoolQ.jsonl").read_bytes()


def test_the_diagnostics_are_answered_by_the_model_that_answers_rte(data: Path, tmp_path: Path) -> None:
    rte = ran(data, "superglue-rte", test_predictions={"test": [0] * 8})
    gender = ran(data, "ax-g").results  # of which seed 3 is made the best, and seed 1 speaks for RTE
    made = [
        result.model_copy(update={"main_score": float(seed), "predictions": {"dev": [seed % 2, 0]}})
        for result in gender
        for seed in [result.job.seed if result.job.kind == "finetune" else 0]
    ]
    told = submit_superglue(replace(rte, results=(*rte.results, *made)), None, tmp_path)
    labels = [line["label"] for line in lines(tmp_path, "AX-g.jsonl")]
    assert labels == ["not_entailment", "entailment"]
    assert [str(source) for source in told if source.seed is not None] == [
        "RTE.jsonl: seed 1, the best of 4 on dev (95.0)",
        "AX-g.jsonl: seed 1, the best of 4 on dev (95.0)",
    ]


def test_other_data_than_the_run_read_are_refused(data: Path, tmp_path: Path) -> None:
    run = ran(data, "cb", test_predictions={"test": [0] * 8})
    other = write_superglue(tmp_path / "other", 12)
    with pytest.raises(ZooError, match=r"other holds other data of task 'cb' than the run read; give those as --data"):
        submit_superglue(run, None, tmp_path / "out", other)
    assert not (tmp_path / "out").exists()


def test_a_run_without_predictions_makes_no_submission(data: Path, tmp_path: Path) -> None:
    run = renamed(predicting("rte", {}), "cb")
    with pytest.raises(ZooError, match="no predictions of bert-tiny for a test split of SuperGLUE; run zoo compare"):
        submit_superglue(run, None, tmp_path)


def test_the_command_writes_them(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = saved(ran(data, "boolq", test_predictions={"test": [0] * 8}), tmp_path / "run")
    monkeypatch.setattr(sys, "argv", ["zoo", "superglue-submission", str(run)])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    out = capsys.readouterr().out
    assert "BoolQ.jsonl: seed 1" in out and "superglue-submission/submission.zip" in out
    assert len(lines(run / "superglue-submission", "BoolQ.jsonl")) == 8
