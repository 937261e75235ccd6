"""Techniques of fine-tuning as variants of a comparison and as edges of an ablation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import zoo
import zoo_bert
from tests.experiments import toy_task
from tests.experiments.test_features import TUNED
from zoo import Catalog, ZooError
from zoo.api.comparisons import Comparison
from zoo.experiments.plan.ablation import choices
from zoo.experiments.plan.job_kinds import kind_of
from zoo.experiments.plan.make import check_plan
from zoo.experiments.report.features import techniques_table
from zoo.experiments.report.scores import protocol
from zoo.experiments.results.records import TaskResult
from zoo.experiments.verify.files import verify
from zoo.experiments.verify.rerun import reevaluate

CATALOG = Catalog.of(zoo_bert, toy_task)
STOPPED = f"{TUNED}+finetuning.early_stopping=0.4+finetuning.patience=2"
FROZEN = f"{TUNED}+finetuning.frozen_layers=2"
SMOOTH = f"{TUNED}+finetuning.label_smoothing=0.1"
SYNONYMS = "cook chef\nlamp lantern\n"
VARIANTS = (
    f"plain={TUNED}",
    f"stopped={STOPPED}",
    f"frozen={FROZEN}",
    f"smooth={TUNED}+finetuning.label_smoothing=0.1",
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("\n\n".join(f"the {a} shows the {b} a lamp." for a in toy_task.NOUNS for b in toy_task.NOUNS))
    words = text.with_name("words.txt")
    words.write_text(SYNONYMS)
    ways = f"finetuning.synonyms=0.3+finetuning.synonym_file={words}+finetuning.masked_words=0.2+finetuning.mixup=0.4"
    short = "finetuning.cut_share=0.1+finetuning.micro_batch=3"
    variants = (*VARIANTS, f"augmented={TUNED}+{ways}", f"short={TUNED}+{short}")
    return zoo.compare(
        *variants, tasks=["lamps"], corpus=[text], out=text.parent / "run", catalog=CATALOG, workers=0,
        pretrain_tokens=1_000, finetune_steps=20, seeds=2, keep_finetuned=True,
    )  # fmt: skip


def test_they_share_the_pretraining_and_give_results_of_their_own(done: Comparison) -> None:
    assert not done.failures and len(done.run.pretrained_results) == 1
    plain, smooth = (done.run.finetuned(name)[0] for name in ("plain", "smooth"))
    assert plain.key != smooth.key and plain.best_step is None
    trained = {name: done.run.finetuned(name)[0].parameters_trained or 0 for name in ("plain", "frozen")}
    assert 0 < trained["frozen"] < trained["plain"]


def test_early_stopping_says_how_many_steps_it_took_and_which_was_best(done: Comparison) -> None:
    for result in done.run.finetuned("stopped"):
        assert result.best_step is not None and result.best_step % 2 == 0
        assert result.steps in (result.best_step + 2 * 2, 20)
    row = techniques_table(done.run).by_label["stopped"]
    assert row[:2] == ("early_stopping=0.4", "best on 40% of the training items, held out")
    assert techniques_table(done.run).by_label["plain"][:3] == ("-", "last", "20")
    assert "with the weights that each recipe keeps" in protocol(done.run)
    assert "What is trained" in done.render("markdown")


def test_what_augmentation_changed_is_counted_and_shown(done: Comparison) -> None:
    results = done.run.finetuned("augmented")
    seen = [result.items_seen for result in results if result.items_seen]
    assert len(seen) == 2 and all(0 < its.changed < its.mixed == its.items for its in seen)
    row = techniques_table(done.run).by_label["augmented"]
    n_changed, n_items = (sum(getattr(its, name) for its in seen) for name in ("changed", "items"))
    assert row[-1] == f"{n_changed:,} changed, {n_items:,} mixed of {n_items:,}"
    assert done.run.finetuned("plain")[0].items_seen is None


def test_the_length_that_the_data_ask_for_is_used_and_recorded(done: Comparison) -> None:
    lengths = {name: done.run.finetuned(name)[0].truncated["train"].length for name in ("plain", "short")}
    assert lengths["plain"] == 24 and 8 <= lengths["short"] < 24 and lengths["short"] % 8 == 0


def test_a_file_of_synonyms_that_changed_is_refused(done: Comparison) -> None:
    assert done.folder is not None
    words = Path(done.folder).with_name("words.txt")
    assert [*done.run.plan.synonyms] == [str(words)]
    words.write_text("cook chef\n")
    try:
        with pytest.raises(ZooError, match=r"words.txt is not the file of synonyms that was planned"):
            check_plan(CATALOG, done.run.plan)
    finally:
        words.write_text(SYNONYMS)


def test_kept_models_predict_again_what_they_predicted(done: Comparison) -> None:
    assert done.folder is not None
    assert {check.finding for check in reevaluate(done.run, Path(done.folder), CATALOG)} == {"confirmed"}


def test_each_technique_is_a_design_choice_of_its_own() -> None:
    both = CATALOG.variant(f"{STOPPED}+finetuning.layer_decay=0.9+finetuning.learning_rate=0.5")
    found = choices(CATALOG, CATALOG.variant(TUNED), both)
    assert list(found) == ["layer decay", "early stopping", "fine-tuning recipe"]
    assert [*choices(CATALOG, CATALOG.variant(TUNED), CATALOG.variant(f"{TUNED}+finetuning.deleted_words=0.1"))] == [
        "deleted words"
    ]
    assert [*found["early stopping"]] == ["finetuning.early_stopping", "finetuning.patience"]


def test_settings_are_chosen_on_training_items_that_no_try_was_trained_on(done: Comparison) -> None:
    text = Path(str(done.folder)).with_name("text.txt")
    tuned = zoo.compare(
        f"plain={TUNED}", tasks=["lamps"], corpus=[text], out=text.parent / "tuned", catalog=CATALOG, workers=0,
        pretrain_tokens=1_000, finetune_steps=20, seeds=2, tune=["layer_decay=0.7,1", "ema_decay=none,0.9"],
    )  # fmt: skip
    assert not tuned.failures
    results = [its for its in tuned.run.results if isinstance(its, TaskResult) and its.job.setting]
    assert len(results) == 2 * 4 and {its.truncated["train"].items for its in results} == {48 - 5}
    best: dict[str, list[float]] = {}
    for its in results:
        assert its.selection_score is not None and its.job.setting
        assert its.selection_score * 5 == pytest.approx(round(its.selection_score * 5))  # an accuracy over five items
        best.setdefault(its.job.setting.label, []).append(its.selection_score)
    shown = {its.job.setting.label for its in tuned.run.finetuned("plain") if its.job.setting}
    assert shown == {max(best, key=lambda label: sum(best[label]))}
    plain = done.run.finetuned("plain")[0]
    assert plain.selection_score is None and plain.truncated["train"].items == 48
    assert "on which none of the trials was trained" in tuned.render("markdown")


@pytest.fixture(scope="module")
def adapted(done: Comparison) -> Comparison:
    """Two variants that differ in fine-tuning alone, adapted in one way, and one that is not."""
    text, step = (
        Path(str(done.folder)).with_name("text.txt"),
        f"{TUNED}+adaptation.tokens=300+adaptation.learning_rate=1e-6",
    )
    variants = (f"plain={TUNED}", f"adapted={step}", f"both={step}+finetuning.label_smoothing=0.1")
    return zoo.compare(
        *variants, tasks=["lamps"], corpus=[text], out=text.parent / "adapted", catalog=CATALOG, workers=0,
        pretrain_tokens=1_000, finetune_steps=20, seeds=2, reuse=[str(done.folder)],
    )  # fmt: skip


def test_pretraining_goes_on_with_the_tasks_training_text_once_for_all_seeds(adapted: Comparison) -> None:
    assert not adapted.failures
    (before,), (after,) = adapted.run.pretrained_results, adapted.run.adapted_results
    assert (after.job.kind, after.job.task, after.job.system) == ("adapt", "lamps", "adapted")
    assert after.weights_hash != before.weights_hash and 0 < after.tokens < before.tokens
    assert after.corpus_documents == 48 // 8 and after.corpus == "the training text of lamps"
    start, end = (
        load_file(Path(str(adapted.folder)) / its.checkpoint / "model.safetensors") for its in (before, after)
    )
    for name, value in start.items():  # the rate is tiny, so all is as it was before, but not quite
        torch.testing.assert_close(end[name], value, rtol=0, atol=1e-4)
    assert {len(adapted.run.finetuned(name)) for name in ("plain", "adapted", "both")} == {2}
    shown = adapted.render("markdown")
    assert "lamps: adapted, both" in shown and "pre-training on task text" in shown


def test_what_an_adapted_model_depends_on_is_its_start_recipe_and_text(adapted: Comparison) -> None:
    plan = adapted.run.plan
    of = {job.system: job for job in plan.jobs if job.kind == "finetune" and job.seed == 0}
    assert [job.kind for job in plan.with_needs([of["both"]])] == ["pretrain", "adapt", "finetune"]
    (job,) = [job for job in plan.jobs if job.kind == "adapt"]
    slower = plan.variant("adapted").adaptation.model_copy(update={"learning_rate": 1e-5})
    variants = [v if v.name == "plain" else v.model_copy(update={"adaptation": slower}) for v in plan.variants]
    other = plan.model_copy(update={"variants": tuple(variants)})
    assert kind_of(job).inputs(other, job) != kind_of(job).inputs(plan, job)
    assert kind_of(of["both"]).inputs(other, of["both"]) == kind_of(of["both"]).inputs(plan, of["both"])
    assert {check.finding for check in verify(Path(str(adapted.folder)))} == {"confirmed"}


def test_adaptation_is_one_design_choice() -> None:
    step = CATALOG.variant(f"{TUNED}+adaptation.tokens=300+adaptation.learning_rate=0.1")
    assert [*choices(CATALOG, CATALOG.variant(TUNED), step)] == ["adaptation"]
