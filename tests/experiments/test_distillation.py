"""Variants that learn from a teacher, in a comparison: jobs, keys, reports, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import zoo
import zoo_bert
import zoo_d2l
import zoo_elmo
import zoo_roberta
from tests.experiments import toy_task
from tests.experiments.test_features import TUNED
from zoo import Catalog, ZooError
from zoo.api.comparisons import Comparison
from zoo.core.batch import Encoding
from zoo.experiments.plan.ablation import choices
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.report.scores import notes
from zoo.experiments.report.teachers import teachers_table
from zoo.experiments.results.records import fingerprint
from zoo.experiments.runner.kept_logits import KeptLogits
from zoo.experiments.verify.rerun import reevaluate
from zoo.tasks.kinds import EncodedItem
from zoo.train.distillation import HIDDEN, LOGITS

CATALOG = Catalog.of(zoo_bert, zoo_d2l, zoo_elmo, zoo_roberta, toy_task)
TEACHER = f"teacher={TUNED}+dims.n_layers=3"
OTHER = f"other={TUNED}+distillation.teacher=byte"
BYTE = f"byte={TUNED.replace('bert-tiny', 'roberta-tiny')}"
HALF = f"half={TUNED}+distillation.teacher=teacher+distillation.layers=1,3"
PRE = f"pre={TUNED}+distillation.teacher=teacher+distillation.phase=pretraining+distillation.hidden=1"
TAUGHT = f"taught={TUNED}+distillation.teacher=teacher"
DEEP = (
    f"deep={TUNED}+distillation.teacher=teacher+distillation.hidden=1+distillation.relations=1"
    "+distillation.attention=2+distillation.layer_map=uniform"
)
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
    return compared(
        text, f"plain={TUNED}", TEACHER, TAUGHT, DEEP, BYTE, OTHER, HALF, PRE, out="run", keep_finetuned=True
    )


def test_students_have_results_of_their_own_and_share_what_does_not_differ(done: Comparison) -> None:
    assert not done.failures
    made = {result.job.name for result in done.run.pretrained_results}
    assert made == {
        "pretrain-plain-s0",
        "pretrain-teacher-s0",
        "pretrain-byte-s0",
        "pretrain-pre-s0",
        "inherit-half-s0",
    }
    names = ("plain", "taught", "deep", "other", "half", "pre")
    assert len({done.run.finetuned(name)[0].key for name in names}) == len(names)
    assert len({done.run.finetuned(name)[0].parameters_trained for name in names}) == 1


def test_a_student_that_takes_layers_starts_with_the_teachers_weights(done: Comparison) -> None:
    assert done.folder is not None
    half, teacher = (load_file(Path(done.folder) / f"checkpoints/{n}/model.safetensors") for n in ("half", "teacher"))
    for name, tensor in half.items():
        told = name.replace("layers.1.", "layers.2.")
        assert torch.equal(tensor, teacher[told]), name
    assert any(
        "half is not pre-trained but starts from layers 1, 3 of teacher" in note
        for note in notes(done.run, done.statistics)
    )


def test_pretraining_beside_a_teacher_records_each_loss(done: Comparison) -> None:
    result = done.run.pretrained("pre")
    assert result is not None
    assert {*result.losses} == {"bert.mlm", "bert.nsp", LOGITS, HIDDEN}
    assert all(0 < loss < 10 for name in (LOGITS, HIDDEN) for loss in result.losses[name])


def test_kept_students_predict_again_what_they_predicted(done: Comparison) -> None:
    assert done.folder is not None
    assert {check.finding for check in reevaluate(done.run, Path(done.folder), CATALOG)} == {"confirmed"}


def test_the_report_names_the_teacher_its_loss_and_its_cost(done: Comparison) -> None:
    table = teachers_table(done.run).by_label
    assert [*table] == ["taught", "deep", "other", "half", "pre"]
    assert table["taught"][:4] == ("teacher", "-", "fine-tuning", "0.5 labels + 0.5 logits at temperature 2")
    assert table["deep"][3].endswith(
        "+ 1 hidden states (cosine, uniform layers) + 2 attention (uniform layers) + 1 relations"
    )
    assert table["half"][1] == "1,3" and table["pre"][2] == "pre-training"
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
    alone = compared(text, TEACHER, HALF, out="alone-half", seeds=1)  # in the first run, its teacher's logits were kept
    assert fingerprint(alone.run.finetuned("half")[0]) == fingerprint(done.run.finetuned("half")[0])
    assert fingerprint(first.model_copy(update={"job": second.job})) == fingerprint(second)


def test_a_teachers_answers_are_kept_for_its_other_students(tmp_path: Path) -> None:
    logits = {
        (5, 6): torch.tensor([[0.1, -torch.inf], [1, 2]]),
        (7,): torch.tensor([[0.3, 0.4]]),
        (5, 6, 8): torch.tensor(0.5),
    }
    asked: list[object] = []

    def ask(items: Sequence[EncodedItem]) -> list[Tensor]:
        asked.append(items)
        return [logits[tuple(each.encodings[0].ids.tolist())] for each in items]

    file = tmp_path / "teachers" / "one.safetensors"
    first, second = KeptLogits(ask, file), KeptLogits(ask, file)
    first.of([item(5, 6), item(7)])
    first.keep()
    second.of([item(5, 6, 8)])
    second.keep()
    third = KeptLogits(ask, file)
    found = [*third.of([item(5, 6), item(7)]), *third.of([item(5, 6, 8)])]
    assert [each.shape for each in found] == [each.shape for each in logits.values()]
    assert [each.tolist() for each in found] == [each.tolist() for each in logits.values()] and len(asked) == 2
    third.of([item(7), item(5, 6)])
    file.write_bytes(b"damaged")
    KeptLogits(ask, file).of([item(5, 6, 8)])
    assert len(asked) == 4


def test_answers_about_other_spans_of_a_text_and_other_groups_of_texts_are_asked_for() -> None:
    asked: list[object] = []

    def ask(items: Sequence[EncodedItem]) -> list[Tensor]:
        asked.append(items)
        return [torch.tensor(float(len(asked))) for _ in items]

    answers = KeptLogits(ask, None)
    one, other = item(5, 6, spans=(0, 0)), item(5, 6, spans=(1, 1))
    question = EncodedItem(item(5).encodings + item(6).encodings)
    groups = [[one], [other], [question], [item(5), item(6)], [one]]
    assert [answers.of(group)[0].item() for group in groups] == [1, 2, 3, 4, 1]


def item(*ids: int, spans: Sequence[int] | None = None) -> EncodedItem:
    read, places = np.array(ids, np.int32), None if spans is None else np.array(spans, np.int32)
    return EncodedItem((Encoding(read, np.zeros_like(read), np.zeros(len(read), bool)),), places=places)


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
        ("distillation.temperature=3", "distillation.temperature=3.0 counts only with distillation.teacher"),
        ("distillation.teacher=bert-gigantic", "distillation.teacher of it: 'bert-gigantic' is not a variant"),
        (
            "distillation.teacher=roberta-tiny+distillation.hidden=1",
            "tokenizers differ, .* to compare what is inside",
        ),
        ("distillation.teacher=bert-mini+finetuning.mixup=0.2", "of items that are changed or mixed"),
        ("distillation.teacher=bert-mini+distillation.phase=both", r"in pre-training; .* as \+dims.vocab_size=8000"),
        (
            "dims.vocab_size=8000+distillation.teacher=bert-mini+distillation.layers=1,9",
            r"layer 9 of bert-mini is not there: it has layers 1 to 4",
        ),
        (
            "dims.vocab_size=8000+distillation.teacher=bert-mini+distillation.layers=1",
            r"takes 1 of the teacher's layers, and the student has 2; name as many, or exchange \+dims.n_layers=1",
        ),
        (
            "dims.vocab_size=8000+distillation.teacher=bert-mini+distillation.layers=2,4",
            "of bert-mini have other shapes",
        ),
        ("distillation.teacher=bert-mini+distillation.layers=0", "numbers of layers from 1, separated by"),
        ("distillation.teacher=it", "it learns from it; give one of them another teacher"),
        ("distillation.teacher=bert-mini+distillation.logits=0", "all weights of the teacher are 0"),
        (
            "distillation.teacher=bert-mini+distillation.relations=1+distillation.relation_heads=3",
            "cannot be divided into 3 heads",
        ),
        (
            "dims.n_heads=2+distillation.teacher=bert-mini+distillation.attention=1",
            r"2 heads and one of the teacher 4, .* exchange \+dims.n_heads=4, or learn distillation.relations",
        ),
        (
            "distillation.teacher=bert-mini+distillation.hidden=1+distillation.layer_map=2,4,4",
            "names 3 of .* has 2; name",
        ),
        (
            "distillation.teacher=bert-mini+distillation.hidden=1+distillation.layer_map=2,5",
            "no layer 5 but layers 1 to 4",
        ),
        (
            "distillation.teacher=bert-mini+distillation.hidden=1+distillation.layer_map=top",
            "should be uniform, or the",
        ),
        (
            "pruning.layers=1+pruning.when=before+distillation.teacher=bert-mini+distillation.hidden=1"
            "+distillation.layer_map=2,4",
            "names 2 of .* has 1; name",
        ),
        (
            "distillation.teacher=bert-mini+distillation.attention=1+finetuning.layer_drop=0.2",
            "it leaves layers out in training",
        ),
        ("distillation.teacher=elmo-tiny+distillation.attention=1", "not every layer of elmo-tiny attends"),
        ("distillation.teacher=bert-mini+distillation.hidden=1+finetuning.features=mix", "only logits are compared"),
        ("distillation.teacher=bert-mini+distillation.labels=-1", "distillation.labels"),
        ("distillation.teacher=runs/none", "distillation.teacher of it: runs/none: there is no folder"),
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


def test_a_folder_without_the_output_layer_teaches_no_pretraining_and_none_is_proposed(
    done: Comparison,
) -> None:
    assert done.folder is not None
    kept, tuned = (Path(done.folder) / name for name in ("checkpoints/plain", "finetuned/finetune-plain-lamps-s0"))
    for folder, deep, why in (
        (tuned, "", "the same one"),
        (kept, "", r"as \+distillation.phase=both"),
        (tuned, "+distillation.phase=both", "does not predict masked tokens"),
    ):
        student = f"it=bert-tiny+distillation.teacher={folder}+distillation.hidden=1{deep}"
        with pytest.raises(ZooError, match=why):
            zoo.plan_comparison(student, tasks=["lamps"], catalog=CATALOG)
    taught = f"it=bert-tiny+distillation.teacher={kept}+distillation.phase=both"
    assert zoo.plan_comparison(taught, tasks=["lamps"], catalog=CATALOG).jobs


def test_a_folder_is_pruned_distilled_and_quantized_beside_itself(done: Comparison) -> None:
    assert done.folder is not None
    model = Path(done.folder) / "checkpoints/plain"
    half = f"{model}+pruning.layers=1+pruning.when=before"
    rows = {
        "model": model,
        "pruned": f"{model}+pruning.ffn=0.25+pruning.importance=gradient",
        "half": half,
        "distilled": f"{half}+distillation.teacher=model",
        "int8": f"{model}+quantization=int8-dynamic",
    }
    variants = [f"{name}={expression}" for name, expression in rows.items()]
    plan = zoo.plan_comparison(*variants, tasks=["lamps"], seeds=1, catalog=CATALOG)
    trained, made = ([job.system for job in plan.jobs if job.kind == kind] for kind in ("finetune", "compress"))
    assert trained == ["model", "half", "distilled"] and made == ["pruned", "half", "distilled", "int8"]
