"""The files that GLUE's leaderboard takes."""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.experiments.synthetic_runs import made_up, predicting, renamed, saved
from zoo import ZooError
from zoo.cli import main
from zoo.core.errors import UnknownName
from zoo.experiments.submission.glue import FILES, check
from zoo.experiments.submission.superglue import submit_superglue
from zoo.experiments.submission.write import submit
from zoo.registry.search_grids import Setting
from zoo.tasks.glue import TASKS


def lines(folder: Path, name: str) -> list[str]:
    return (folder / name).read_text().splitlines()


def test_the_best_seed_on_dev_speaks_and_the_rest_is_filled_and_told(tmp_path: Path) -> None:
    told = submit(predicting("rte", {"test": [0] * 3_000}), None, tmp_path)
    assert lines(tmp_path, "RTE.tsv")[:2] == ["index\tprediction", "0\tnot_entailment"]  # seed 1 says 1 throughout
    assert len(lines(tmp_path, "RTE.tsv")) == 3_001
    assert {source.name for source in told if source.default is None} == {"RTE.tsv"}
    rte = next(source for source in told if source.name == "RTE.tsv")
    assert str(rte) == "RTE.tsv: seed 1, the best of 4 on dev (95.0)"
    assert check(tmp_path) == [] and check(tmp_path / "submission.zip") == []
    record = json.loads((tmp_path / "submission.json").read_text())
    assert record["variant"] == "bert-tiny" and record["files"][0]["default"] == "1"


def test_one_model_of_mnli_answers_both_test_sets_and_the_diagnostic(tmp_path: Path) -> None:
    splits: dict[str, list[int] | list[float]] = {
        "test": [0] * 9_796,
        "test_mismatched": [1] * 9_847,
        "diagnostic": [-1] * 1_104,
    }
    told = submit(predicting("mnli", splits), None, tmp_path)
    answers = {name: lines(tmp_path, name)[-1] for name in ("MNLI-m.tsv", "MNLI-mm.tsv", "AX.tsv")}
    assert answers == {
        "MNLI-m.tsv": "9795\tneutral",
        "MNLI-mm.tsv": "9846\tcontradiction",
        "AX.tsv": "1103\tentailment",
    }
    assert sum(source.default is None for source in told) == 3
    assert check(tmp_path) == []


def test_scores_have_three_decimals_between_0_and_5(tmp_path: Path) -> None:
    submit(predicting("stsb", {"test": [-3.0, 1.23456, 4.5, *[0.5] * 1_376]}), None, tmp_path)
    assert lines(tmp_path, "STS-B.tsv")[1:4] == ["0\t0.000", "1\t2.235", "2\t5.000"]
    assert check(tmp_path) == []


def test_a_submission_is_of_one_variant(tmp_path: Path) -> None:
    run = predicting("rte", {"test": [0] * 3_000}, "bert-tiny", "albert-tiny")
    with pytest.raises(ZooError, match="choose with --variant: bert-tiny, albert-tiny"):
        submit(run, None, tmp_path)
    with pytest.raises(UnknownName, match="did you mean 'bert-tiny'"):
        submit(run, "bert-tinny", tmp_path)
    assert submit(run, "albert-tiny", tmp_path)


def test_a_run_without_tasks_of_the_suite_is_told_so_before_a_variant_is_asked_for(tmp_path: Path) -> None:
    run = made_up(1, {"bert-tiny": [3], "albert-tiny": [4]})
    for write, suite in ((submit, "glue"), (submit_superglue, "superglue")):
        with pytest.raises(ZooError, match=f"no task of this suite; run zoo compare --tasks {suite} with --data DIR"):
            write(run, None, tmp_path)


def test_a_seed_that_failed_is_not_chosen_nor_counted(tmp_path: Path) -> None:
    run = predicting("rte", {"test": [-2] * 3_000}, fail="finetune-bert-tiny-lamps-s1")
    (rte,) = (str(source) for source in submit(run, None, tmp_path) if source.default is None)
    assert rte == "RTE.tsv: seed 2, the best of 3 on dev (95.0)"


def test_the_setting_that_was_chosen_is_told(tmp_path: Path) -> None:
    run = predicting("rte", {"test": [-1] * 3_000})
    results = [
        r.model_copy(update={"job": r.job.model_copy(update={"setting": Setting(epochs=1.0 + r.job.seed)})})
        if r.job.kind == "finetune"
        else r
        for r in run.results
    ]
    (rte,) = (s for s in submit(replace(run, results=tuple(results)), None, tmp_path) if not s.default)
    assert str(rte) == "RTE.tsv: seed 1, the best of 4 on dev (95.0), with epochs=2"


def test_a_run_without_test_predictions_makes_no_submission(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="no predictions of bert-tiny for a test split of GLUE"):
        submit(renamed(made_up(2, {"bert-tiny": [1, 1]}), "rte"), None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_test_file_than_glues_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ZooError, match=r"predicted 2,999 items of rte's split 'test', and RTE.tsv must have 3,000 rows"
    ):
        submit(predicting("rte", {"test": [0] * 2_999}), None, tmp_path)


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        (1, "id\tlabel", "WNLI.tsv:1: must be the header"),
        (3, "2\tmaybe", "WNLI.tsv:3: must begin with index 1"),
        (3, "1\tmaybe", "WNLI.tsv:3: predicts 'maybe', and may predict 0, 1"),
        (3, "1 0", "WNLI.tsv:3: must begin with index 1"),
        (147, "145\t", "WNLI.tsv:147: predicts ''"),
        (147, "145\t0\r", r"WNLI.tsv:147: predicts '0\r'"),
        (147, "145\t0\n146\t0", "WNLI.tsv: has 147 rows and must have 146"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(line: int, instead: str, told: str, tmp_path: Path) -> None:
    submit(predicting("wnli", {"test": [-1] * 146}), None, tmp_path)
    rows = (tmp_path / "WNLI.tsv").read_bytes().decode().split("\n")
    rows[line - 1] = instead
    (tmp_path / "WNLI.tsv").write_bytes("\n".join(rows).encode())
    (found,) = check(tmp_path)
    assert found.startswith(told)


def test_missing_and_unknown_files_are_named_in_a_zip_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("submission/RTE.tsv", "index\tprediction\n")
    found = check(tmp_path / "some.zip")
    assert "submission/RTE.tsv: not a file of a submission" in found
    assert sum(line.endswith("is missing") for line in found) == len(FILES) == 11
    (tmp_path / "no.zip").write_text("PK")
    with pytest.raises(ZooError, match="neither a folder nor a zip"):
        check(tmp_path / "no.zip")


def test_the_files_speak_of_glues_tasks() -> None:
    tables = {task.name: task.files for task in TASKS}
    assert {file.task for file in FILES} == set(tables) - {"ax"}
    assert all(file.split in tables[file.task] for file in FILES)


def test_the_command_writes_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = predicting("wnli", {"test": [-1] * 146})
    sound = [r for r in found.results if r.job.kind == "baseline" or r.job.seed in (1, 2)]  # others predict no class
    run = saved(replace(found, results=tuple(sound)), tmp_path / "run")

    def zoo(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["zoo", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    assert zoo("glue-submission", str(run)) == 0
    assert "WNLI.tsv: seed 1" in capsys.readouterr().out
    assert zoo("glue-submission", str(run / "submission"), "--check") == 0
    (run / "submission" / "AX.tsv").unlink()
    assert zoo("glue-submission", str(run / "submission"), "--check") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "AX.tsv: is missing"
