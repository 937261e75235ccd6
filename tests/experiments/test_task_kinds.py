"""Tasks of every kind, a stranger's among them, from the plan to the report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zoo_bert
from tests.experiments.synthetic_runs import settings
from tests.experiments.tasks_of_every_kind import OFFERS, TASKS, bare
from tests.strangers.plugin import OFFERS as STRANGER
from tests.strangers.test_freedoms import Silent
from zoo import Catalog, Offers, Task, ZooError, load
from zoo.experiments.plan.corpus import FilesCorpus
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.make import make_plan, planned_task, with_budget
from zoo.experiments.report.build import write_report
from zoo.experiments.results.folder import read_run
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.run import run
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.experiments.verify.files import verify
from zoo.experiments.verify.rerun import reevaluate
from zoo.heads import TaskHead
from zoo.inference.predict_task import predict_task
from zoo.inference.predict_text import predict_texts
from zoo.tasks.kinds import task_kind
from zoo.tasks.scoring import main_score, score
from zoo.tasks.task import Example
from zoo.testing import check_task

pytestmark = pytest.mark.slow


CATALOG = Catalog.of(zoo_bert, made=OFFERS, stranger=STRANGER)
SMALL = (
    "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.max_length=24"
    "+pretraining.sequence_length=24+finetuning.max_length=24+pretraining.batch_tokens=240+finetuning.batch_size=8"
    "+objectives.bert.nsp.pair=joint"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two variants on all of them."""
    folder = tmp_path_factory.mktemp("kinds")
    text = folder / "text.txt"
    texts = [item.first for item in TASKS[0].load(None).splits["train"]]
    text.write_text("\n\n".join("\n".join(texts[at : at + 6]) for at in range(0, len(texts), 6)))
    variants = [
        with_budget(CATALOG.variant(f"{name}={SMALL}{rate}"), 1_000, 60)
        for name, rate in (("quick", "+finetuning.learning_rate=0.004"), ("slow", "+finetuning.learning_rate=0.00001"))
    ]
    plan = make_plan(
        CATALOG,
        variants,
        [task.name for task in TASKS],
        n_seeds=2,
        corpus=FilesCorpus(paths=(str(text),)),
        settings=settings(keep_finetuned=True, keep_probabilities=True),
    )
    done = run(plan, folder / "run", watcher=Silent(), catalog=CATALOG)
    assert not done.failures
    write_report(analyse(done), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def done(folder: Path) -> ComparisonRun:
    return read_run(folder)


PROBABLE = ("things", "colours", "names", "answers", "perhaps", "endings")
"""The tasks whose kinds have probabilities."""


def of(done: ComparisonRun, system: str, task: str) -> TaskResult:
    return done.finetuned(system, task)[0]


@pytest.mark.parametrize("name", [task.name for task in TASKS])
def test_every_kind_is_learnt_scored_and_read_back(name: str, done: ComparisonRun) -> None:
    task, gold = CATALOG.task(name), done.gold[name]
    result = of(done, "quick", name)
    assert result.scores == {"dev": score(task, gold["dev"], result.predictions["dev"])}
    assert result.main_score == main_score(task, result.scores)
    assert len(result.test_predictions["test"]) == 19
    assert all(task_kind(task).fits(value) for value in result.test_predictions["test"])
    means = [np.mean([r.main_score for r in done.finetuned(system, name)]) for system in ("quick", "slow")]
    assert means[0] > means[1] or name in ("answers", "perhaps", "endings")  # which take more steps


def test_each_task_has_the_baselines_of_its_kind(done: ComparisonRun) -> None:
    found = {name: {s for s in done.plan.baselines if done.finetuned(s, name)} for name in done.gold}
    assert found == {
        "things": {"majority", "bag-of-words"},
        "colours": {"majority", "bag-of-words"},
        "sizes": {"majority", "bag-of-words"},
        "names": {"majority", "most-frequent-tag"},
        "answers": {"tf-idf-sentence"},
        "perhaps": {"tf-idf-sentence"},
        "endings": {"majority", "longest", "bag-of-words"},
        "grades": {"majority", "bag-of-words"},
    }
    assert of(done, "most-frequent-tag", "names").scores["dev"] == {"entity-f1": 1.0, "accuracy": 1.0}
    assert of(done, "majority", "names").scores["dev"]["entity-f1"] == 0.0
    assert of(done, "bag-of-words", "colours").main_score == 1.0


def test_verdicts_come_from_drawn_items_of_every_kind(done: ComparisonRun) -> None:
    found = compare_systems(done)
    assert not found.undecided and set(found.tiers) == set(done.gold)
    of_variants = {d.task: d for d in found.between_variants()}
    assert set(of_variants) == set(done.gold)
    assert of_variants["names"].difference > 0
    assert all(d.low is not None and d.high is not None and d.low <= d.high for d in found.differences)
    assert found.spreads["names"]["majority"].n_constant == 1


def test_the_report_names_every_task_with_its_metrics(folder: Path) -> None:
    report = (folder / "report.md").read_text()
    for task in TASKS:
        assert task.name in report
    assert "entity-f1" in report and "stranger.distance" in report


def test_a_threshold_is_chosen_on_dev_told_in_the_report_and_kept_with_the_model(
    folder: Path, done: ComparisonRun
) -> None:
    task, result = CATALOG.task("perhaps"), of(done, "quick", "perhaps")
    made, gold = result.predictions["dev"], done.gold["perhaps"]["dev"]
    assert [] in gold and all(len(value) == 2 for value in made)
    chosen = task_kind(task).chosen(gold, made)["threshold"]
    model = load(folder / str(model_folder(done.plan, result.job)), catalog=CATALOG)
    head = model.objective("task")
    assert isinstance(head, TaskHead) and head.config.options == {"no_answer": True, "threshold": chosen}
    report = (folder / "report.md").read_text()
    assert (
        f"perhaps: no-answer threshold chosen on the items that are scored, for each run: quick {chosen:.2f}," in report
    )
    shown = predict_texts(model, [(item.first, str(item.second)) for item in task.load(None).splits["dev"]]).rows
    assert [row[3] == "" for row in shown] == [value[1] > chosen for value in made]


def test_a_run_of_every_kind_is_verified_and_a_changed_tag_is_found(folder: Path) -> None:
    assert {check.finding for check in verify(folder)} == {"confirmed"}
    path = next(folder.glob("jobs/finetune-quick-names-s0*.json"))
    before = path.read_text()
    result = json.loads(before)
    result["predictions"]["dev"][0][0] = 2 if result["predictions"]["dev"][0][0] != 2 else 1
    path.write_text(json.dumps(result))
    try:
        wrong = {check.where for check in verify(folder) if check.finding == "contradicted"}
        assert f"jobs/{path.name}: scores.dev.accuracy" in wrong
        result["predictions"]["dev"][0][0] = 3
        path.write_text(json.dumps(result))
        (check,) = [check for check in verify(folder) if check.where == f"jobs/{path.name}"]
        assert "which is not a list of tag ids below 3, one per word" in check.detail
    finally:
        path.write_text(before)


def test_kept_models_predict_the_same_again(folder: Path, done: ComparisonRun) -> None:
    checks = [check for check in reevaluate(done, folder, CATALOG) if "quick" in check.where]
    of_probabilities = {check.where for check in checks if check.where.endswith("probabilities")}
    assert len(of_probabilities) == 2 * len(PROBABLE) and len(checks) == 2 * len(TASKS) + len(of_probabilities)
    assert {check.finding for check in checks} == {"confirmed"}


@pytest.mark.parametrize("name", [task.name for task in TASKS])
def test_a_kept_model_predicts_a_tasks_items_and_plain_texts(name: str, folder: Path, done: ComparisonRun) -> None:
    task, result = CATALOG.task(name), of(done, "quick", name)
    model = load(folder / str(model_folder(done.plan, result.job)), catalog=CATALOG)
    items = list(map(bare, task.load(None).splits["dev"]))
    predictions, kind = predict_task(model, task, items), task_kind(task)
    assert all(map(kind.same, predictions, result.predictions["dev"]))
    table = predict_texts(model, [items[0].texts])
    assert table.columns == ("index", *kind.columns)
    if name == "names":
        tags = [task.labels[tag] for tag in predictions[0]]
        assert [row[3] for row in table.rows] == items[0].first.split()
        assert [row[4] for row in table.rows] == tags
    if name == "things":
        assert table.rows[0][1] == task.labels[predictions[0]]


@pytest.mark.parametrize("name", [task.name for task in TASKS])
def test_kept_probabilities_are_those_of_the_predictions(name: str, done: ComparisonRun) -> None:
    result = of(done, "quick", name)
    assert {*result.probabilities} == ({"dev", "test"} if name in PROBABLE else set())
    for prediction, its in zip(result.predictions["dev"], result.probabilities.get("dev", []), strict=False):
        if name in ("things", "endings"):
            assert prediction == int(np.argmax(its)) and sum(its) == pytest.approx(1, abs=1e-5)
        if name == "colours":
            assert prediction == [index for index, probability in enumerate(its) if probability > 0.5]
        if name == "names":
            assert prediction == [int(np.argmax(word)) for word in its]


def test_the_report_shows_calibration_and_types_of_entities(folder: Path) -> None:
    report, results = (folder / "report.md").read_text(), json.loads((folder / "results.json").read_text())
    assert "## Calibration" in report and "names: quick" in report
    assert {(row["system"], row["task"]) for row in results["calibration"]} == {
        (system, task) for system in ("quick", "slow") for task in PROBABLE
    }
    assert {row["part"] for row in results["parts"]} == {"PER", "THING"}
    right = [row for row in results["parts"] if row["system"] == "most-frequent-tag"]
    assert [row["scores"]["f1"] for row in right] == [1.0, 1.0]


def test_damaged_probabilities_are_found(folder: Path) -> None:
    path = next(folder.glob("jobs/finetune-quick-things-s0*.json"))
    before = path.read_text()
    try:
        for damage, message in (
            (lambda split: split.pop(), "probabilities for the"),
            (lambda split: split[3].append(0.0), "as the probabilities of item 4 of dev"),
        ):
            result = json.loads(before)
            damage(result["probabilities"]["dev"])
            path.write_text(json.dumps(result))
            assert any(message in check.detail for check in verify(folder) if check.where == f"jobs/{path.name}")
    finally:
        path.write_text(before)


def test_a_head_whose_labels_stand_in_another_order_predicts_the_tasks_own(folder: Path, done: ComparisonRun) -> None:
    task, result = CATALOG.task("names"), of(done, "quick", "names")
    model = load(folder / str(model_folder(done.plan, result.job)), catalog=CATALOG)
    turned = task.model_copy(update={"labels": tuple(reversed(task.labels))})
    items = task.load(None).splits["dev"]
    assert predict_task(model, turned, items) == [[2 - tag for tag in tags] for tags in result.predictions["dev"]]


def test_metrics_are_checked_against_the_kind_and_the_labels_before_any_work() -> None:
    def refused(name: str, **fields: object) -> str:
        task = CATALOG.task(name).model_copy(update=fields)
        with pytest.raises(ZooError) as error:
            planned_task(Catalog.of(own=Offers(api_version=1, tasks=[task])), name, None)
        return str(error.value)

    assert "'acuracy' is not a metric of token-classification" in refused("names", metrics=("acuracy",))
    assert "did you mean 'accuracy'" in refused("names", metrics=("acuracy",))
    assert "the metric entity-f1 needs tags such as O, B-PER and I-PER, and 'NOUN' is none" in refused(
        "names", labels=("O", "NOUN", "B-X")
    )
    assert "'spearman' is not a metric of multi-label" in refused("colours", metrics=("spearman",))
    assert "a regression task has no labels" in refused("sizes", labels=("a", "b"))
    assert "a multi-label task has a label with a comma, 'b,c'" in refused("colours", labels=("a", "b,c"))
    assert "did you mean 'token-classification'" in refused("names", kind="token-clasification")


def test_an_item_whose_tags_are_not_its_words_is_named() -> None:
    task = CATALOG.task("names")
    kind = task_kind(task)
    assert kind.fits_item(Example("a b", None, (0, 1)))
    assert not kind.fits_item(Example("a b", None, (0, 1, 1)))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_passes_the_checks_that_authors_can_import(task: Task) -> None:
    check_task(task)


def in_a_fresh_process(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{Path(__file__).parents[2]}"}
    return subprocess.run([sys.executable, "-m", "zoo", *words], capture_output=True, text=True, env=environment)


def test_a_run_with_a_strangers_kind_is_read_where_its_plugin_is_installed_and_else_names_it(
    folder: Path, tmp_path: Path
) -> None:
    facts = tmp_path / "stranger-0.1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 0.1\n")
    (facts / "entry_points.txt").write_text("[zoo]\nstranger = stranger\n")
    hook = "@zoo.hookimpl\ndef zoo_offers():\n    return OFFERS\n"
    (tmp_path / "stranger.py").write_text(f"import zoo\nfrom tests.strangers.plugin import OFFERS\n\n{hook}")
    for words in (["verify", str(folder)], ["merge", str(folder), str(folder)]):
        assert "stranger.ordinal" not in in_a_fresh_process(tmp_path, *words).stderr
    report = in_a_fresh_process(tmp_path, "report", str(folder), "--format", "markdown")
    assert report.returncode == 0 and "stranger.distance" in report.stdout and "stranger.ordinal" not in report.stderr
    bare_of_it = in_a_fresh_process(tmp_path / "none", "report", str(folder))
    assert bare_of_it.returncode == 2 and "Is plugin 'stranger' installed?" in bare_of_it.stderr
    assert len(bare_of_it.stderr.splitlines()) == 1
