"""zoo.compare, zoo.ablate and what they return, as somebody who writes Python uses them."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path

import pytest

import zoo
from tests.experiments.synthetic_runs import made_up, saved
from zoo.api.experiments import _planned
from zoo.auditing.request import AuditRequest
from zoo.core.options import Help, Options
from zoo.experiments.plan.options import AblationOptions, ComparisonOptions
from zoo.pretraining.request import CorpusRequest, PretrainRequest

pytestmark = pytest.mark.usefixtures("little_text")

RECORDS = [ComparisonOptions, AblationOptions, PretrainRequest, CorpusRequest, AuditRequest]
SMALL = {"tasks": "micro-acceptability", "pretrain_tokens": "2k", "seeds": 2}


def options_of(function: object) -> dict[str, object]:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}


def test_ablate_takes_all_that_compare_takes_with_the_same_defaults_but_the_seeds() -> None:
    compare, ablate = options_of(zoo.compare), options_of(zoo.ablate)
    assert {*compare} - {*ablate} == {"suite", "equal", "evaluate_only"}
    assert {*ablate} - {*compare} == {"via", "preset", "size"}
    different = {name for name in {*compare} & {*ablate} if compare[name] != ablate[name]}
    assert different == {"seeds"} and (compare["seeds"], ablate["seeds"]) == (3, 5)


@pytest.mark.parametrize("record", RECORDS)
def test_every_option_has_a_sentence_and_one_that_takes_a_value_an_example(record: type[Options]) -> None:
    for name, field in record.model_fields.items():
        (info,) = [extra for extra in field.metadata if isinstance(extra, Help)]
        assert info.text.endswith(".") and info.text[0].isupper(), name
        assert info.example or "bool" in str(field.annotation), name


def test_what_an_expression_sets_is_kept_and_said_and_others_get_the_option(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "zoo"):
        plan = zoo.plan_comparison("bert-tiny+finetuning.steps=7", "albert-tiny", finetune_steps=3, **SMALL)
    assert [variant.finetuning.steps for variant in plan.variants] == [7, 3]
    assert caplog.messages == [
        "bert-tiny+finetuning.steps=7 sets finetuning.steps itself; --finetune-steps does not change it"
    ]


def test_a_task_may_have_a_number_of_steps_of_its_own() -> None:
    given = {"tasks": "micro-sentiment,micro-roles", "pretrain_tokens": "2k", "seeds": 1}
    plan = zoo.plan_comparison("bert-tiny", finetune_steps="3,micro-roles=5", **given)
    jobs = [job for job in plan.jobs if job.kind == "finetune"]
    assert {job.task: plan.finetuning_of(job).steps for job in jobs} == {"micro-sentiment": 3, "micro-roles": 5}
    for refused, told in (
        ("3,micro-role=5", "'micro-role' is not a task.*did you mean 'micro-roles'"),
        ("3,micro-reference=5", "'micro-reference' is not a task"),
    ):
        with pytest.raises(zoo.ZooError, match=told):
            zoo.plan_comparison("bert-tiny", finetune_steps=refused, **given)
    with pytest.raises(zoo.ZooError, match="sets its steps for every task, and --finetune-steps those on micro-roles"):
        zoo.plan_comparison("bert-tiny+finetuning.steps=7", finetune_steps={"micro-roles": 5}, **given)


def test_a_budget_below_a_batch_shrinks_the_batch_unless_the_expression_sets_it() -> None:
    plain, own = (
        zoo.plan_comparison(name, tasks="micro-acceptability", pretrain_tokens=300, seeds=1).variants[0].pretraining
        for name in ("bert-tiny", "bert-tiny+pretraining.batch_tokens=4000")
    )
    assert (plain.batch_tokens, own.batch_tokens) == (300, 4_000)


def test_an_edge_of_steps_is_no_edge_between_equal_models() -> None:
    plan = zoo.plan_ablation("bert-tiny", "bert-tiny+finetuning.steps=7", finetune_steps=3, **SMALL)
    assert [variant.finetuning.steps for variant in plan.variants] == [3, 7]


def test_a_variant_of_ones_own_is_compared_like_any_other() -> None:
    mine = zoo.Catalog.installed().variant("bert-tiny").swap("mine", init=zoo.Init(linear_std=0.05))
    plan = zoo.plan_comparison(mine, "bert-tiny", **SMALL)
    assert [variant.name for variant in plan.variants] == ["mine", "bert-tiny"]


@pytest.mark.parametrize("given", [["bert-tiny"], 3])
def test_what_is_no_variant_is_refused(given: object) -> None:
    with pytest.raises(zoo.ZooError, match="each an argument of its own"):
        zoo.plan_comparison(given, **SMALL)


def test_a_saved_plan_is_the_plan(tmp_path: Path) -> None:
    plan = zoo.plan_ablation("bert-tiny", "bert-tiny+objectives=bert.mlm", **SMALL)
    file = tmp_path / "plan.json"
    file.write_text(plan.model_dump_json())
    again = _planned(zoo.Catalog.installed(), (), AblationOptions.of({"plan": file}))
    assert again == plan and again.ablation is not None


@pytest.mark.parametrize(
    ("variants", "options", "message"),
    [
        ((), {"seeds": 2}, "the plan decides --seeds; leave that out"),
        (("bert-tiny",), {}, "the plan decides the variants; leave them out, or omit --plan and --resume"),
        ((), {"via": "roberta-tiny"}, "the plan decides --via"),
    ],
)
def test_what_a_plan_decides_is_not_given_beside_it(
    variants: tuple[str, ...], options: dict[str, object], message: str, tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_text(made_up(2, {"bert-tiny": [1, 1]}).plan.model_dump_json())
    with pytest.raises(zoo.ZooError, match=message):
        zoo.plan_ablation(*variants, plan=tmp_path / "plan.json", **options)


def test_an_ablation_needs_a_plan_with_edges(tmp_path: Path) -> None:
    plan = zoo.plan_comparison("bert-tiny", **SMALL)
    with pytest.raises(zoo.ZooError, match="is a comparison's and has no edges"):
        zoo.ablate(plan=plan, out=tmp_path / "run")


def test_a_comparison_prints_as_a_few_lines_and_shows_as_tables(tmp_path: Path) -> None:
    run = made_up(3, {"bert-tiny": [18, 17, 19], "albert-tiny": [1, 2, 1]}, pretrain=True)
    comparison = zoo.report(saved(run, tmp_path / "run"))
    lines = repr(comparison).splitlines()
    assert len(lines) < 60 and max(map(len, lines)) <= 100
    assert "bert-tiny" in "".join(lines[:8]) and lines[-1].startswith("run folder: ")
    assert "<table" in comparison._repr_html_() and "<html" not in comparison._repr_html_()


def test_audits_print_as_tables_and_say_what_could_not_be_audited() -> None:
    audits = zoo.audit("bert-tiny", "brt-tiny", module=False)
    assert len(audits) == 2 and [audit.name for audit in audits.good] == ["bert-tiny"]
    assert "did you mean 'bert-tiny'?" in audits.errors[0]
    assert f"{audits[0].counts.encoder_pooler:,}" in repr(audits)
    assert "<table" in audits._repr_html_()


def test_a_verification_prints_its_counts(tmp_path: Path) -> None:
    run = made_up(2, {"bert-tiny": [1, 2]})
    folder = saved(run, tmp_path / "run")
    zoo.report(folder).write_report()
    verification = zoo.verify(folder)
    assert (
        repr(verification).splitlines()[-1].startswith(f"confirmed {verification.counts['confirmed']:,}, contradicted ")
    )


def test_an_interrupted_comparison_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo.experiments.runner.run.run", interrupted)
    with pytest.raises(KeyboardInterrupt, match=rf"finished jobs are kept in {tmp_path}/run; .*--resume --out"):
        zoo.compare("bert-tiny", out=tmp_path / "run", workers=0, **SMALL)
