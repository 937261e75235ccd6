"""Models of MNLI that answer GLUE's diagnostic and HANS, from the suite's name to the report, on files made by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, matthews_corrcoef

import zoo_bert
from tests.strangers.test_freedoms import Silent
from zoo import Catalog, ZooError, builtin_plugin, load
from zoo.experiments.plan.cache_key import cache_key
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.suites import without_suites
from zoo.experiments.report.build import document, write_report
from zoo.experiments.results.folder import read_run
from zoo.experiments.results.records import TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.estimate import estimate
from zoo.experiments.runner.run import run
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.selection import search_results
from zoo.experiments.verify.files import verify
from zoo.experiments.verify.rerun import reevaluate
from zoo.inference.predict_task import predict_task
from zoo.machine.environment import environment

CATALOG = Catalog.of(builtin_plugin, zoo_bert)
SMALL = (
    "small=bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.max_length=24"
    "+pretraining.sequence_length=24+finetuning.max_length=24+pretraining.batch_tokens=240+finetuning.batch_size=8"
    "+finetuning.learning_rate=0.01"
)
LABELS = ("entailment", "neutral", "contradiction")
HEURISTICS = ("lexical_overlap", "subsequence", "constituent")
RNG = random.Random(0)


def sentence() -> str:
    return " ".join(
        RNG.choice(words) for words in (("the", "a"), ("cook", "judge", "nurse"), ("saw", "met"), ("it", "us"))
    )


def pair(label: str) -> tuple[str, str]:
    """A pair whose second text alone tells."""
    return sentence(), f"{sentence()} {dict(zip(LABELS, ('yes', 'maybe', 'never'), strict=True))[label]}"


def mnli(n: int) -> list[list[str]]:
    rows = [[str(place), *pair(label), label] for place, label in enumerate(RNG.choices(LABELS, k=n))]
    return [["index", "sentence1", "sentence2", "gold_label"], *rows]


def diagnostic(n: int) -> list[list[str]]:
    """The eight columns of diagnostic-full.tsv."""
    head = [
        "Lexical Semantics",
        "Predicate-Argument Structure",
        "Logic",
        "Knowledge",
        "Domain",
        "Premise",
        "Hypothesis",
    ]
    cells = [
        [("", "Quantifiers", "Lexical entailment;Quantifiers")[place % 3], "", ("Negation", "")[place % 2], "", "News"]
        for place in range(n)
    ]
    labels = RNG.choices(LABELS, k=n)
    return [[*head, "Label"], *([*its, *pair(label), label] for its, label in zip(cells, labels, strict=True))]


def hans(n: int) -> list[list[str]]:
    """The eleven columns of heuristics_evaluation_set.txt."""
    head = (
        "gold_label sentence1_binary_parse sentence2_binary_parse sentence1_parse sentence2_parse sentence1 sentence2"
    )
    rows = []
    for place in range(n):
        label = RNG.choice(LABELS)
        gold = label if label == "entailment" else "non-entailment"
        heuristic = HEURISTICS[place % 3]
        rows.append(
            [gold, "( )", "( )", "(S )", "(S )", *pair(label), f"ex{place}", heuristic, f"{heuristic}_x", "temp1"]
        )
    return [[*head.split(), "pairID", "heuristic", "subcase", "template"], *rows]


def write(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, n in (("train", 120), ("dev_matched", 20), ("dev_mismatched", 15)):
        write(folder / f"MNLI/{name}.tsv", mnli(n))
    write(folder / "diagnostic/diagnostic-full.tsv", diagnostic(18))
    write(folder / "HANS/heuristics_evaluation_set.txt", hans(24))
    lines = [[f"{second} ."] for label in LABELS * 60 for second in pair(label)]
    write(folder / "text.txt", [line for at in range(0, len(lines), 6) for line in (*lines[at : at + 6], [])])
    return folder


@pytest.fixture(scope="module")
def plan(data: Path) -> Plan:
    from zoo.experiments.plan.corpus import FilesCorpus

    tasks = without_suites(CATALOG.tasks, ["glue", "hans"], data)
    variant = with_budget(CATALOG.variant(SMALL), 1_000, 40)
    corpus = FilesCorpus(paths=(str(data / "text.txt"),))
    return make_plan(CATALOG, [variant], tasks, n_seeds=2, corpus=corpus, data_folder=data)


@pytest.fixture(scope="module")
def folder(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    done = run(plan, folder, watcher=Silent(), catalog=CATALOG)
    assert not done.failures, done.failures[0].reason
    write_report(analyse(done), folder)
    return folder


@pytest.fixture(scope="module")
def done(folder: Path) -> ComparisonRun:
    return read_run(folder)


def of(done: ComparisonRun, system: str, task: str) -> TaskResult:
    return done.finetuned(system, task)[0]


def test_a_suite_stands_for_its_tasks_whose_files_are_there_and_says_what_it_lacks(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert without_suites(CATALOG.tasks, ["glue", "hans"], data) == ["mnli", "ax", "hans"]
    assert "glue: left out cola, mrpc, qnli, qqp, rte, sst2, stsb, wnli" in caplog.text
    assert without_suites(CATALOG.tasks, ["rte", 1, "x.toml"], None) == ["rte", 1, "x.toml"]  # what is no suite
    with pytest.raises(ZooError, match="no task of the suite glue is there"):
        without_suites(CATALOG.tasks, ["glue"], data / "HANS")


def test_a_task_without_training_needs_the_task_whose_models_answer_it(data: Path) -> None:
    with pytest.raises(ZooError, match="'ax' has nothing to train on; models of mnli answer it: compare on mnli,ax"):
        make_plan(CATALOG, [CATALOG.variant(SMALL)], ["ax"], data_folder=data)


@pytest.mark.slow
def test_the_model_of_each_seed_answers_without_further_training(done: ComparisonRun, folder: Path) -> None:
    jobs = [job for job in done.plan.jobs if job.kind == "transfer"]
    assert [(job.task, job.seed) for job in jobs] == [("ax", 0), ("ax", 1), ("hans", 0), ("hans", 1)]
    assert all(of(done, "small", task).steps == 0 for task in ("ax", "hans"))
    model = load(folder / "finetuned/finetune-small-mnli-s0", catalog=CATALOG)
    task, path = CATALOG.task("mnli"), Path(str(done.plan.data_folder))
    items = CATALOG.task("hans").load(path).splits["dev"]
    # McCoy et al. 2019, section 4: neutral and contradiction are both non-entailment.
    assert of(done, "small", "hans").predictions["dev"] == [min(1, its) for its in predict_task(model, task, items)]
    assert of(done, "small", "mnli").main_score > 0.9 < of(done, "small", "hans").main_score


@pytest.mark.slow
def test_categories_are_scored_on_their_own_items(done: ComparisonRun, data: Path) -> None:
    (section,) = [section for section in document(analyse(done)).sections if section.id == "categories"]
    table = section.blocks[0]
    shown = {row[1]: row for row in table.rows if row[0] == "hans"}  # type: ignore[union-attr]
    rows = hans_rows = [
        line.split("\t") for line in (data / "HANS/heuristics_evaluation_set.txt").read_text().splitlines()[1:]
    ]
    chosen = [place for place, row in enumerate(rows) if row[8] == "subsequence" and row[0] == "non-entailment"]
    gold = [int(hans_rows[place][0] != "entailment") for place in chosen]
    made = [[r.predictions["dev"][place] for place in chosen] for r in done.finetuned("small", "hans")]
    expected = 100 * np.mean([accuracy_score(gold, its) for its in made])
    assert shown["subsequence, non-entailment"][3:5] == (f"{len(chosen)}", f"{expected:.1f}")
    shown = {row[1]: row for row in table.rows if row[0] == "ax"}  # type: ignore[union-attr]
    rows = [line.split("\t") for line in (data / "diagnostic/diagnostic-full.tsv").read_text().splitlines()[1:]]
    chosen = [place for place, row in enumerate(rows) if row[2] == "Negation"]
    gold = [LABELS.index(rows[place][7]) for place in chosen]
    made = [[r.predictions["dev"][place] for place in chosen] for r in done.finetuned("bag-of-words", "ax")]
    expected = 100 * np.mean([matthews_corrcoef(gold, its) for its in made])
    assert shown["Logic"][3:] == ("9", shown["Logic"][4], shown["Logic"][5], f"{expected:.1f}")
    assert {"Lexical Semantics", "Lexical Semantics: Lexical entailment", "Logic: Negation"} <= set(shown)
    assert "Knowledge" not in shown


@pytest.mark.slow
def test_baselines_learn_from_the_other_task(done: ComparisonRun) -> None:
    words = of(done, "bag-of-words", "hans").main_score, of(done, "bag-of-words", "ax").main_score
    assert min(words) > 0.9
    assert len({*of(done, "majority", "hans").predictions["dev"]}) == 1


@pytest.mark.slow
def test_matched_and_mismatched_stand_apart_and_verdicts_cover_all(done: ComparisonRun) -> None:
    (section,) = [section for section in document(analyse(done)).sections if section.id == "metrics"]
    assert section.blocks[0].columns == (  # type: ignore[union-attr]
        "system", "mnli accuracy", "mnli accuracy (dev_mismatched)", "ax r3", "hans accuracy",
    )  # fmt: skip
    assert {*analyse(done).comparisons.spreads} == {"mnli", "ax", "hans"}
    assert not analyse(done).comparisons.undecided


@pytest.mark.slow
def test_answers_and_categories_are_verified(folder: Path, done: ComparisonRun) -> None:
    assert {check.finding for check in verify(folder)} == {"confirmed"}
    assert {check.finding for check in reevaluate(done, folder, CATALOG)} == {"confirmed"}
    path = folder / "gold/hans.json"
    before = path.read_text()
    changed = json.loads(before)
    changed["groups"]["dev"]["heuristic: subsequence"].pop()
    path.write_text(json.dumps(changed))
    wrong = [check for check in verify(folder) if check.finding == "contradicted"]
    path.write_text(before)
    assert any("hans" in check.where for check in wrong)


@pytest.mark.slow
def test_the_setting_is_that_which_is_best_on_the_other_task(done: ComparisonRun) -> None:
    from zoo.registry.search_grids import Setting, Tuning

    settings = Setting(batch_size=4), Setting(batch_size=8)
    tuned = done.plan.model_copy(update={"tuning": Tuning(name="two", source="hand", settings={"mnli": settings})})
    assert len([job for job in tuned.jobs if job.kind == "transfer" and job.task == "ax"]) == 4
    made = []
    for job in tuned.jobs:
        if job.system == "small" and job.task:
            first = job.setting == settings[0]
            score = float(first == (job.task == "mnli"))  # the first is best on mnli, the second on what it answers
            made.append(of(done, "small", job.task).model_copy(update={"job": job, "main_score": score}))
    run = ComparisonRun(plan=tuned, results=tuple(made))
    assert {result.job.setting for result in run.finetuned("small")} == {settings[0]}
    assert [found.task for found in search_results(run)] == ["mnli"]


@pytest.mark.slow
def test_the_time_of_a_run_is_estimated(plan: Plan, tmp_path: Path) -> None:
    found = estimate(CATALOG, plan, tmp_path / "run", workers=1)
    by_kind = {work.job.kind: work.seconds for work in found.work}
    assert 0 < by_kind["transfer"] < by_kind["finetune"]


@pytest.mark.slow
def test_what_the_other_task_learns_is_a_part_of_the_key(plan: Plan) -> None:
    place = environment(CATALOG, plan.compute)
    task = plan.task("mnli").model_copy(update={"content_hash": "0" * 64})
    other = plan.model_copy(update={"tasks": (task, *plan.tasks[1:])})
    for kind, system in (("transfer", "small"), ("baseline", "bag-of-words")):
        job = Job(kind=kind, system=system, task="hans", seed=0)
        assert cache_key(plan, job, place) != cache_key(other, job, place)
