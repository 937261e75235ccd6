"""Variants that learn from a teacher, in a comparison: jobs, keys, reports, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
import zoo_bert
import zoo_roberta
from tests.experiments import toy_task
from tests.experiments.test_features import TUNED
from zoo import Catalog, ZooError
from zoo.api.comparisons import Comparison
from zoo.experiments.plan.ablation import choices
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.report.teachers import teachers_table
from zoo.experiments.results.records import fingerprint
from zoo.experiments.verify.rerun import reevaluate

CATALOG = Catalog.of(zoo_bert, zoo_roberta, toy_task)
TEACHER = f"teacher={TUNED}+dims.n_layers=3"
TAUGHT = f"taught={TUNED}+distillation.teacher=teacher"
DEEP = f"deep={TUNED}+distillation.teacher=teacher+distillation.hidden=1+distillation.relations=1"
BUDGET = {"pretrain_tokens": 1_000, "finetune_steps": 12, "seeds": 2, "workers": 0}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n\n".join(f"the {a} shows the {b} a lamp." for a in toy_task.NOUNS for b in toy_task.NOUNS))
    return path


def compared(text: Path, *variants: str, out: str, **options: object) -> Comparison:
    return zoo.compare(
        *variants, tasks=["lamps"], corpus=[text], out=text.parent / out, catalog=CATALOG, **BUDGET | options
    )


@pytest.fixture(scope="module")
def done(text: Path) -> Comparison:
    return compared(text, f"plain={TUNED}", TEACHER, TAUGHT, DEEP, out="run", keep_finetuned=True)


def test_a_student_shares_its_pretraining_and_has_a_result_of_its_own(done: Comparison) -> None:
    assert not done.failures and len(done.run.pretrained_results) == 2
    assert len({done.run.finetuned(name)[0].key for name in ("plain", "taught", "deep")}) == 3
    probabilities = {name: done.run.finetuned(name)[0].parameters_trained for name in ("plain", "taught", "deep")}
    assert len({*probabilities.values()}) == 1


def test_kept_students_predict_again_what_they_predicted(done: Comparison) -> None:
    assert done.folder is not None
    assert {check.finding for check in reevaluate(done.run, Path(done.folder), CATALOG)} == {"confirmed"}


def test_the_report_names_the_teacher_its_loss_and_its_cost(done: Comparison) -> None:
    table = teachers_table(done.run).by_label
    assert [*table] == ["taught", "deep"]
    assert table["taught"][:2] == ("teacher", "0.5 labels + 0.5 logits at temperature 2")
    assert table["deep"][1].endswith("+ 1 hidden states (cosine) + 1 relations")
    assert "What is trained" in done.render("markdown")


def test_a_teacher_that_is_not_compared_is_trained_and_its_results_are_the_same(done: Comparison, text: Path) -> None:
    renamed = zoo.compare(
        TAUGHT.replace("taught=", "pupil=").replace("=teacher", "=bert-tiny"), catalog=CATALOG, tasks=["lamps"],
        corpus=[text], out=text.parent / "alone", **BUDGET,
    )  # fmt: skip
    assert not renamed.failures and renamed.run.systems[0] == "pupil"
    assert [variant.name for variant in renamed.run.plan.teachers] == ["bert-tiny"]
    assert {result.job.system for result in renamed.run.finetuned("bert-tiny")} == {"bert-tiny"}
    assert "bert-tiny" not in renamed.run.systems


def test_names_do_not_matter_and_results_are_reused_and_repeat(done: Comparison, text: Path) -> None:
    assert done.folder is not None
    named = (TEACHER.replace("teacher=", "mentor="), TAUGHT.replace("=teacher", "=mentor").replace("taught=", "pupil="))
    reused = compared(text, *named, out="reused", reuse=[done.folder], seeds=1)
    assert reused.run.finetuned("pupil")[0].key == done.run.finetuned("taught")[0].key
    again = compared(text, *named, out="again", seeds=1)
    first, second = again.run.finetuned("pupil")[0], done.run.finetuned("taught")[0]
    assert first.key == second.key and first.cost != second.cost
    assert fingerprint(first.model_copy(update={"job": second.job})) == fingerprint(second)


def test_each_student_needs_its_teacher_of_the_same_seed_first(done: Comparison) -> None:
    jobs = [job.name for job in done.run.plan.jobs]
    for job in done.run.plan.jobs:
        if job.kind == "finetune" and job.system == "taught":
            _, teacher = kind_of(job).needs(done.run.plan, job)
            assert (teacher.system, teacher.seed) == ("teacher", job.seed)
            assert jobs.index(teacher.name) < jobs.index(job.name)


def test_distillation_is_one_design_choice() -> None:
    found = choices(CATALOG, CATALOG.variant(TUNED), CATALOG.variant(f"{TUNED}+distillation.teacher=bert-mini"))
    assert list(found) == ["distillation"]


@pytest.mark.parametrize(
    ("exchanges", "why"),
    [
        ("distillation.temperature=3", "distillation.temperature is given without a teacher"),
        ("distillation.teacher=bert-gigantic", "distillation.teacher of it: 'bert-gigantic' is not a variant"),
        ("distillation.teacher=roberta-tiny", "their tokenizers differ"),
        ("distillation.teacher=it", "it learns from it; give one of them another teacher"),
        ("distillation.teacher=bert-mini+distillation.logits=0", "all weights of its teacher's part are 0"),
        ("distillation.teacher=bert-mini+dims.vocab_size=900", r"as \+dims.vocab_size="),
        (
            "distillation.teacher=bert-mini+distillation.relations=1+distillation.relation_heads=3",
            "cannot be divided into 3 heads",
        ),
        ("distillation.teacher=bert-mini+distillation.hidden=1+finetuning.features=mix", "only logits are compared"),
        ("distillation.teacher=bert-mini+distillation.labels=-1", "distillation.labels"),
        ("distillation.teacher=runs/none", "distillation.teacher of it: 'runs/none' is not a variant"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_a_line(exchanges: str, why: str) -> None:
    with pytest.raises(ZooError, match=why) as refused:
        zoo.plan_comparison(f"it=bert-tiny+{exchanges}", tasks=["lamps"], catalog=CATALOG)
    assert "\n" not in str(refused.value)


def test_two_cannot_learn_from_each_other() -> None:
    pair = [f"{one}=bert-tiny+distillation.teacher={other}" for one, other in ("ab", "ba")]
    with pytest.raises(ZooError, match="a learns from b learns from a; give one of them another teacher"):
        zoo.plan_comparison(*pair, tasks=["lamps"], catalog=CATALOG)
