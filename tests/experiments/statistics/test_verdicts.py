"""A run's statistics from results made up for the purpose."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.experiments.synthetic_runs import made_up, saved
from zoo.cli import main
from zoo.experiments.report.build import write_report
from zoo.experiments.report.differences import comparison_notes, difference_table, tier_table
from zoo.experiments.results.records import FailedResult
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.experiments.verify.files import verify
from zoo.tasks.kinds.classification import Classification


def test_a_large_difference_is_better_and_makes_two_tiers() -> None:
    found = compare_systems(made_up(5, {"bert-tiny": [18, 17, 19, 18, 18], "albert-tiny": [1, 2, 1, 0, 1]}))
    (pair,) = [d for d in found.differences if (d.first, d.second) == ("bert-tiny", "albert-tiny")]
    assert pair.verdict == "better" and pair.winner_first == ("albert-tiny", "bert-tiny")
    assert pair.difference == pytest.approx(-17 / 40)
    assert pair.n_seeds == 5
    assert found.tiers == {"lamps": (("albert-tiny",), ("bert-tiny",))}
    floors = {(d.first, d.second): d.verdict for d in found.differences if d.second in Classification.baselines}
    assert floors["albert-tiny", "majority"] == "better"
    assert floors["bert-tiny", "majority"] != "better"


def test_a_small_difference_is_not_shown_and_shares_a_tier() -> None:
    found = compare_systems(made_up(5, {"bert-tiny": [9, 8, 9, 8, 9], "albert-tiny": [8, 9, 8, 9, 8]}))
    assert {d.verdict for d in found.differences if d.second not in Classification.baselines} == {"not significant"}
    assert found.tiers == {"lamps": (("albert-tiny", "bert-tiny"),)}


def test_one_seed_is_too_few_and_two_can_show_a_large_difference() -> None:
    wrong = {"bert-tiny": [19, 18], "albert-tiny": [1, 0]}
    assert {d.verdict for d in compare_systems(made_up(1, wrong)).differences} == {"too few seeds"}
    by_pair = {(d.first, d.second): d.verdict for d in compare_systems(made_up(2, wrong)).differences}
    assert by_pair["albert-tiny", "majority"] == "better"
    assert (compare_systems(made_up(1, {"bert-tiny": [3]})).spreads["lamps"]["bert-tiny"].low) is None


def test_between_runs_that_learnt_nothing_no_smallest_difference_is_claimed() -> None:
    found = compare_systems(made_up(3, {"bert-tiny": [0, 0, 0], "albert-tiny": [0, 0, 0]})).differences[0]
    assert (found.minimum_detectable_difference, found.seeds_needed, found.verdict) == (None, None, "not significant")


def test_only_seeds_that_both_finished_are_paired() -> None:
    wrong = {"bert-tiny": [4, 4, 4, 4], "albert-tiny": [3, 3, 3, 40]}
    found = compare_systems(made_up(4, wrong, fail=("finetune-albert-tiny-lamps-s3",)))
    pair = found.differences[0]
    assert (pair.n_seeds, pair.difference) == (3, pytest.approx(-1 / 40))
    assert found.spreads["lamps"]["bert-tiny"].n == 4


def test_a_run_with_one_answer_for_everything_has_constant_predictions() -> None:
    found = compare_systems(made_up(3, {"bert-tiny": [1, 1, 1]}))
    assert found.spreads["lamps"]["majority"].n_constant == 1
    assert found.spreads["lamps"]["bert-tiny"].n_constant == 0


def test_without_right_answers_nothing_is_decided() -> None:
    run = made_up(3, {"bert-tiny": [1, 1, 1], "albert-tiny": [9, 9, 9]})
    found = compare_systems(replace(run, gold={}))
    assert (found.differences, found.tiers, found.undecided) == ((), {}, ("lamps",))
    assert found.spreads["lamps"]["bert-tiny"].mean == pytest.approx(39 / 40)


def test_verdicts_and_verification_need_no_baseline(tmp_path: Path) -> None:
    wrong = {"bert-tiny": [18, 17, 19], "albert-tiny": [1, 2, 1]}
    failed = tuple(f"baseline-{name}-lamps-s0" for name in Classification.baselines)
    run = made_up(3, wrong, fail=failed)
    found, whole = compare_systems(run), compare_systems(made_up(3, wrong))
    assert found.tiers == whole.tiers and found.undecided == ()
    assert [d for d in whole.differences if d.second not in Classification.baselines] == list(found.differences)
    write_report(analyse(run), saved(run, tmp_path))
    assert {check.finding for check in verify(tmp_path)} == {"confirmed"}


def test_findings_are_told_in_hundredths_with_what_would_have_shown() -> None:
    found = compare_systems(made_up(5, {"bert-tiny": [18, 17, 19, 18, 18], "albert-tiny": [1, 2, 1, 0, 1]}))
    ((task, groups, _),) = tier_table(found).rows
    assert (task, groups) == ("lamps", "1. albert-tiny; 2. bert-tiny")
    ((pair, *shown),) = difference_table(found).rows
    assert (pair, shown[0], shown[-1]) == ("lamps: bert-tiny - albert-tiny", "-42.5", "albert-tiny better")
    counts, floor, *_ = comparison_notes(found)
    assert counts.startswith("1 difference: better 1, not significant 0")
    assert floor == "Not significantly better than majority: bert-tiny on lamps."


def test_runs_that_learnt_nothing_are_told() -> None:
    run = made_up(2, {"bert-tiny": [4, 4]})
    stuck = run.results[0].model_copy(update={"predictions": {"dev": [1] * 40}, "main_score": 0.5})
    told = comparison_notes(compare_systems(replace(run, results=(stuck, *run.results[1:]))))
    assert "Constant predictions on lamps: bert-tiny in 1 of 2 runs (mean without them 90.0)." in told


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("terminal", "Summary"),
        ("markdown", "# Comparison"),
        ("csv", "section,table"),
        ("json", "{"),
        ("html", "<!doctype"),
        ("latex", "% needs"),
    ],
)
def test_every_report_is_made_from_a_folder_alone_and_says_who_is_better(
    form: str, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made_up(3, {"bert-tiny": [18, 17, 18], "albert-tiny": [1, 0, 1]}, fail=("finetune-bert-tiny-lamps-s2",))
    failed = next(r for r in run.results if isinstance(r, FailedResult))
    others = tuple(r for r in run.results if r is not failed)
    failed = failed.model_copy(update={"reason": "<script>alert(1)</script> $x_1$"})
    folder = saved(replace(run, results=(failed, *others)), tmp_path)
    arguments = ["zoo", "report", str(folder), "--format", form, "--out", str(tmp_path / "made")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as end:
        main()
    made = (tmp_path / "made").read_text()
    assert not end.value.code
    assert made.startswith(start)
    assert "albert-tiny" in made
    if form == "json":
        assert json.loads(made)["statistics"]["spreads"]["lamps"]["albert-tiny"]["n"] == 3
    if form == "html":
        assert "<script>alert" not in made and "&lt;script&gt;alert" in made
        assert made.count("<figure") == 4  # nothing was pre-trained, so there are no losses to draw
        assert "http:" not in made and "https:" not in made
    if form == "csv":
        assert "seeds,,7,score x 100,50.0000" in made
        assert sum(line.startswith("seeds,") and ",system," in line for line in made.splitlines()) == 5 + 2


def test_a_folder_without_a_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["zoo", "report", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "holds no run" in capsys.readouterr().err


def published(tmp_path: Path) -> Path:
    run = made_up(3, {"bert-tiny": [8, 7, 8], "albert-tiny": [1, 0, 1]})
    folder = saved(run, tmp_path)
    write_report(analyse(run), folder)
    return folder


def contradicted(folder: Path) -> list[str]:
    return [check.where for check in verify(folder) if check.finding == "contradicted"]


def test_an_honest_run_is_confirmed(tmp_path: Path) -> None:
    checks = verify(published(tmp_path))
    assert {check.finding for check in checks} == {"confirmed"}
    assert len(checks) > 100


def test_one_altered_prediction_is_named(tmp_path: Path) -> None:
    path = published(tmp_path) / "jobs" / "finetune-bert-tiny-lamps-s1.json"
    job = json.loads(path.read_text())
    job["predictions"]["dev"][5] = 1 - job["predictions"]["dev"][5]
    path.write_text(json.dumps(job))
    found = contradicted(tmp_path)
    assert "jobs/finetune-bert-tiny-lamps-s1.json: scores.dev.accuracy" in found
    assert "results.json: jobs.finetune-bert-tiny-lamps-s1.fingerprint" in found


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("scores", "albert-tiny", "lamps", "mean"), 0.999),
        (("plan_hash",), "0" * 64),
        (("jobs", 0, "data_hash"), "1"),
        (("statistics", "differences", 0, "verdict"), "too few seeds"),
    ],
)
def test_one_altered_mean_hash_or_verdict_is_named_alone(
    keys: tuple[str | int, ...], value: str | float, tmp_path: Path
) -> None:
    path = published(tmp_path) / "results.json"
    results = place = json.loads(path.read_text())
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(results))
    (found,) = contradicted(tmp_path)
    assert found.startswith("results.json: ") and found.endswith(str(keys[-1]))


def test_a_verdict_of_another_version_of_the_zoo_is_not_decidable_and_an_altered_score_is_named(tmp_path: Path) -> None:
    path = published(tmp_path) / "results.json"
    results = json.loads(path.read_text())
    results["statistics_hash"], results["statistics"]["differences"][0]["p"] = "of another version", 0.123
    results["scores"]["albert-tiny"]["lamps"]["mean"] = 0.999
    path.write_text(json.dumps(results))
    told = {check.where: check for check in verify(tmp_path) if check.finding != "confirmed"}
    assert {where: check.finding for where, check in told.items()} == {
        "results.json: statistics_hash": "not decidable",
        "results.json: statistics": "not decidable",
        "results.json: scores.albert-tiny.lamps.mean": "contradicted",
    }
    assert told["results.json: statistics"].detail == "another version of the zoo made it; 1 differ"


def test_what_is_better_in_the_mean_over_tasks_is_told_first() -> None:
    decided = compare_systems(made_up(5, {"bert-tiny": [18, 17, 19, 18, 18], "albert-tiny": [1, 2, 1, 0, 1]}))
    assert not any("mean over tasks" in note for note in comparison_notes(decided))  # of one task there is none
    (row,) = decided.between_variants()
    several = decided.model_copy(update={"overall": (row.model_copy(update={"task": "mean"}),)})
    assert "In the mean over tasks, albert-tiny is better than bert-tiny." in comparison_notes(several)
    close = several.overall[0].model_copy(update={"verdict": "not significant"})
    told = comparison_notes(several.model_copy(update={"overall": (close,)}))
    assert "In the mean over tasks, no difference is significant." in told
