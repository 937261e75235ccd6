"""Runs of several machines as one."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.synthetic_runs import made_up, renamed, saved
from zoo import ZooError
from zoo.cli import main
from zoo.experiments.report.build import write_report
from zoo.experiments.results.folder import read_run
from zoo.experiments.results.merge import merge, write_merged
from zoo.experiments.results.records import FailedResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.experiments.verify.files import verify
from zoo.machine.compute import Compute

BERT, ALBERT = {"bert-tiny": [18, 17, 19]}, {"albert-tiny": [1, 2, 1]}


def changed(run: ComparisonRun, **fields: Any) -> ComparisonRun:
    return replace(run, plan=run.plan.model_copy(update=fields))


def with_recipe(run: ComparisonRun, **fields: Any) -> ComparisonRun:
    """The run with another fine-tuning recipe of its only variant."""
    (variant,) = run.plan.variants
    recipe = variant.finetuning.model_copy(update=fields)
    return changed(run, variants=(variant.model_copy(update={"finetuning": recipe}),))


def test_two_machines_make_what_one_would_have_made() -> None:
    whole = made_up(3, BERT | ALBERT, pretrain=True)
    parts = {"a": made_up(3, BERT, pretrain=True), "b": made_up(3, ALBERT, pretrain=True)}
    together = merge(parts)
    assert together.plan == whole.plan
    assert {r.job.name for r in together.results} == {r.job.name for r in whole.results}
    assert compare_systems(together) == compare_systems(whole)


def test_seeds_and_tasks_unite_and_the_gaps_are_seen() -> None:
    first, second = made_up(2, BERT), made_up(3, BERT)
    assert merge({"a": first, "b": second}).plan.seeds == (0, 1, 2)
    other = renamed(first, "boats")
    together = merge({"a": first, "b": changed(other, variants=first.plan.variants)})
    assert [task.name for task in together.plan.tasks] == ["lamps", "boats"]
    assert compare_systems(together).spreads["boats"]["bert-tiny"].n == 2


def test_what_failed_on_one_machine_may_be_finished_on_another() -> None:
    failed = made_up(3, BERT, fail=("finetune-bert-tiny-lamps-s1",))
    for runs in ({"a": failed, "b": made_up(3, BERT)}, {"b": made_up(3, BERT), "a": failed}):
        assert not [result for result in merge(runs).results if isinstance(result, FailedResult)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"compute": Compute(precision="bf16", threads=1)},
            "a and b are not of one comparison: compute.precision is fp32 in one and bf16 in",
        ),
        ({"pretraining_seed": 7}, "pretraining_seed is 0 in one and 7"),
        ({"corpus_hash": "f" * 64}, "corpus_hash is"),
    ],
)
def test_other_settings_are_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ZooError, match=told):
        merge({"a": made_up(3, BERT), "b": changed(made_up(3, ALBERT), **fields)})


@pytest.mark.parametrize(("field", "value"), [("version", 2), ("content_hash", "0" * 64)])
def test_another_version_or_other_data_of_a_task_are_refused(field: str, value: Any) -> None:
    run = made_up(3, ALBERT)
    tasks = (run.plan.tasks[0].model_copy(update={field: value}),)
    with pytest.raises(ZooError, match=f"task 'lamps' is not the same in a and b: {field} "):
        merge({"a": made_up(3, BERT), "b": changed(run, tasks=tasks)})


def test_steps_of_a_task_unite_and_are_compared_where_both_have_the_task() -> None:
    lamps = changed(made_up(2, BERT), task_steps={"lamps": 5})
    boats = changed(renamed(made_up(2, BERT), "boats"), variants=lamps.plan.variants, task_steps={"boats": 7})
    assert merge({"a": lamps, "b": boats}).plan.task_steps == {"lamps": 5, "boats": 7}
    with pytest.raises(ZooError, match=r"fine-tuning steps is .*, 5 on lamps in one and .*, 6 on lamps in the other"):
        merge({"a": lamps, "b": changed(made_up(2, BERT), task_steps={"lamps": 6})})


def test_another_recipe_or_budget_is_refused() -> None:
    with pytest.raises(ZooError, match=r"variant 'bert-tiny' is not the same in a and b: finetuning.learning_rate"):
        merge({"a": made_up(3, BERT), "b": with_recipe(made_up(3, BERT), learning_rate=0.5)})
    with pytest.raises(ZooError, match=r"fine-tuning steps is .* in one and 7 in the other"):
        merge({"a": made_up(3, BERT), "b": with_recipe(made_up(3, ALBERT), steps=7)})
    run = made_up(3, ALBERT)
    (variant,) = run.plan.variants
    longer = variant.model_copy(update={"pretraining": variant.pretraining.model_copy(update={"tokens": 10**7})})
    with pytest.raises(ZooError, match="give both the same with --pretrain-tokens"):
        merge({"a": made_up(3, BERT), "b": changed(run, variants=(longer,))})


def test_a_job_that_came_out_otherwise_is_named_with_the_fields() -> None:
    with pytest.raises(
        ZooError, match="a and b both did finetune-bert-tiny-lamps-s2, with different scores, main_score, predictions"
    ):
        merge({"a": made_up(3, BERT), "b": made_up(3, {"bert-tiny": [18, 17, 3]})})


def test_the_runs_together_are_a_run(tmp_path: Path) -> None:
    together = merge({"a": made_up(3, BERT, pretrain=True), "b": made_up(3, ALBERT, pretrain=True)})
    write_merged(together, tmp_path / "both")
    write_report(analyse(together), tmp_path / "both")
    assert read_run(tmp_path / "both") == together
    with pytest.raises(ZooError, match="is not empty"):
        write_merged(together, tmp_path / "both")


def test_the_command_puts_runs_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = saved(made_up(3, BERT), tmp_path / "a"), saved(made_up(3, ALBERT), tmp_path / "b")

    def zoo(*arguments: object) -> object:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0

    assert zoo("merge", a, b, "--out", tmp_path / "both", "--json") == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert scores["albert-tiny"]["lamps"]["mean"] > scores["bert-tiny"]["lamps"]["mean"] > 0.5
    assert zoo("merge", a) == 2
    assert "zoo report" in capsys.readouterr().err
    assert {check.finding for check in verify(tmp_path / "both")} == {"confirmed"}
