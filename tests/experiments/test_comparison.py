"""A whole comparison, small: done, resumed, repeated, failing in places."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import zoo_albert
import zoo_bert
from tests.experiments.synthetic_runs import rendered
from zoo import Catalog, ZooError
from zoo.core.errors import RunFailed
from zoo.core.specs import Finetuning
from zoo.experiments.plan.corpus import FilesCorpus
from zoo.experiments.plan.job import Job, slug
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.report.build import write_report
from zoo.experiments.report.costs import cost_table
from zoo.experiments.report.results_json import summary
from zoo.experiments.report.scores import score_table
from zoo.experiments.results.folder import read_made, read_run, write_made
from zoo.experiments.results.records import FailedResult, ModelResult, TaskResult, fingerprint
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.run import run
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.verdicts import compare_systems

_spec = importlib.util.spec_from_file_location("zoo_toy", Path(__file__).with_name("toy_task.py"))
assert _spec and _spec.loader
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)

CATALOG = Catalog.of(zoo_bert, zoo_albert, toy)


class Watcher:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[int, int]] = {}
        self.done: list[str] = []
        self.reused: list[str] = []

    def admitted(self, jobs: object) -> None: ...

    def started(self, job: object) -> None: ...

    def moved(self, job: Job, done: int, total: int) -> None:
        self.steps[job.name] = (done, total)

    def ended(self, job: Job, result: ModelResult | TaskResult | FailedResult, reused: bool) -> None:
        (self.reused if reused else self.done).append(job.name)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> FilesCorpus:
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    documents = [
        "\n".join(f"the {a} shows the {b} a {thing}." for b in toy.NOUNS for thing in ("lamp", "boat"))
        for a in toy.NOUNS
    ]
    path.write_text("\n\n".join(documents))
    return FilesCorpus(paths=(str(path),))


def plan(corpus: FilesCorpus, *expressions: str, seeds: int = 2) -> Plan:
    small = "+dims.hidden_width=32+dims.ffn_width=48+dims.max_length=24+pretraining.sequence_length=24"
    smaller = small + "+finetuning.max_length=24+pretraining.batch_tokens=240"
    variants = [
        with_budget(
            CATALOG.variant(name + smaller + ("+dims.embedding_width=32" if name.startswith("bert") else "")), 4_000, 12
        )
        for name in expressions
    ]
    return make_plan(CATALOG, variants, ["lamps"], n_seeds=seeds, corpus=corpus)


@pytest.fixture(scope="module")
def finished(corpus: FilesCorpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[ComparisonRun, Path, Watcher]:
    folder, watcher = tmp_path_factory.mktemp("run") / "one", Watcher()
    done = run(plan(corpus, "bert-tiny", "albert-tiny"), folder, workers=0, watcher=watcher, catalog=CATALOG)
    write_report(analyse(done), folder)
    return done, folder, watcher


def fingerprints(done: ComparisonRun) -> dict[str, str]:
    return {r.job.name: fingerprint(r) for r in done.results if not isinstance(r, FailedResult)}


def test_every_job_is_done_and_told(finished: tuple[ComparisonRun, Path, Watcher]) -> None:
    done, folder, watcher = finished
    assert not done.failures
    assert len(done.results) == 2 + 2 * 2 + 2
    assert sorted(watcher.done) == sorted(path.stem for path in (folder / "jobs").iterdir())
    assert all(step == total for step, total in watcher.steps.values())


def test_the_tables_have_a_row_per_system_and_a_column_per_measure(
    finished: tuple[ComparisonRun, Path, Watcher],
) -> None:
    table, costs = score_table(finished[0], compare_systems(finished[0])), cost_table(finished[0])
    assert [row[0].split("+")[0] for row in table.rows] == ["bert-tiny", "albert-tiny", "majority", "bag-of-words"]
    assert table.columns[1] == "lamps (accuracy)" and [row[1] for row in table.rows[2:]] == ["50.0", "100.0"]
    assert "±" in table.rows[0][1]
    of_bert, of_albert = (int(row[costs.columns.index("parameters stored")].replace(",", "")) for row in costs.rows)
    assert of_bert > of_albert


def test_the_same_plan_gives_bitwise_the_same_results(
    finished: tuple[ComparisonRun, Path, Watcher], corpus: FilesCorpus, tmp_path: Path
) -> None:
    again = run(finished[0].plan, tmp_path / "two", workers=0, watcher=Watcher(), catalog=CATALOG)
    assert fingerprints(again) == fingerprints(finished[0])
    weights = [(folder / "checkpoints") for folder in (finished[1], tmp_path / "two")]
    for one, two in zip(*(sorted(place.rglob("*.safetensors")) for place in weights), strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_another_seed_gives_other_results(finished: tuple[ComparisonRun, Path, Watcher]) -> None:
    name = finished[0].plan.variants[0].name
    first, second = finished[0].finetuned(name)
    assert fingerprint(first) != fingerprint(second)


def test_a_run_goes_on_where_it_was_stopped(finished: tuple[ComparisonRun, Path, Watcher], tmp_path: Path) -> None:
    done = finished[0]
    stopped = tmp_path / "stopped"

    class Stopping(Watcher):
        def ended(self, job: Job, result: ModelResult | TaskResult | FailedResult, reused: bool) -> None:
            super().ended(job, result, reused)
            if len(self.done) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(done.plan, stopped, workers=0, watcher=Stopping(), catalog=CATALOG)
    watcher = Watcher()
    resumed = run(done.plan, stopped, workers=0, watcher=watcher, catalog=CATALOG)
    assert len(watcher.reused) == 3
    assert fingerprints(resumed) == fingerprints(done)


def test_a_folder_with_another_plan_is_left_alone_and_the_message_says_what_differs(
    finished: tuple[ComparisonRun, Path, Watcher], corpus: FilesCorpus
) -> None:
    before = (finished[1] / "plan.json").read_bytes()
    other = plan(corpus, "bert-tiny", "albert-tiny+finetuning.learning_rate=2e-3", seeds=1)
    with pytest.raises(ZooError, match="holds the run of another plan") as refused:
        run(other, finished[1], workers=0, watcher=Watcher(), catalog=CATALOG)
    assert "seeds (0, 1 there, 0 here), variants albert-tiny+" in str(refused.value)
    assert f"Give another --out, and --reuse {finished[1]}" in str(refused.value)
    faster = (
        finished[0]
        .plan.variants[0]
        .model_copy(update={"finetuning": Finetuning(learning_rate=1.0, steps=12, max_length=24)})
    )
    other = finished[0].plan.model_copy(update={"variants": (faster, *finished[0].plan.variants[1:])})
    with pytest.raises(ZooError, match=r"finetuning.learning_rate of bert-tiny.* there, 1.0 here"):
        run(other, finished[1], workers=0, watcher=Watcher(), catalog=CATALOG)
    assert (finished[1] / "plan.json").read_bytes() == before


def test_more_seeds_and_variants_are_added_to_a_run_in_its_folder(
    finished: tuple[ComparisonRun, Path, Watcher],
    corpus: FilesCorpus,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = shutil.copytree(finished[1], tmp_path / "run")
    write_made(folder, "zoo compare --seeds 2")
    more = plan(corpus, "bert-tiny", "albert-tiny", "bert-tiny+finetuning.learning_rate=2e-3", seeds=3)
    watcher = Watcher()
    done = run(more, folder, workers=0, watcher=watcher, catalog=CATALOG, command="zoo compare --seeds 3")
    old = fingerprints(finished[0])
    assert fingerprints(done).items() >= old.items()
    assert "extended: seeds (0, 1 there, 0, 1, 2 here), variants bert-tiny+finetuning" in caplog.text
    assert sorted(watcher.reused) == sorted(old) and len(watcher.done) == 2 + 3
    assert read_run(folder) == done and done.plan.content_hash == more.content_hash
    assert (made := read_made(folder)) and made.command == "zoo compare --seeds 3"
    with pytest.raises(ZooError, match=r"seeds \(0, 1, 2 there, 0, 1 here\)"):
        run(finished[0].plan, folder, workers=0, watcher=Watcher(), catalog=CATALOG)


def test_a_run_is_not_extended_by_other_code(
    finished: tuple[ComparisonRun, Path, Watcher],
    corpus: FilesCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = shutil.copytree(finished[1], tmp_path / "run")
    monkeypatch.setattr("zoo.machine.environment.code_hash", lambda installed: "other")
    with pytest.raises(ZooError, match="new results would not be comparable, so give another --out"):
        run(plan(corpus, "bert-tiny", "albert-tiny", seeds=3), folder, workers=0, watcher=Watcher(), catalog=CATALOG)
    assert read_run(folder) == finished[0]


def test_a_folder_with_something_else_is_left_alone(corpus: FilesCorpus, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ZooError, match="is not empty and holds no run"):
        run(plan(corpus, "bert-tiny"), tmp_path, workers=0, watcher=Watcher(), catalog=CATALOG)


def test_one_failure_stops_what_stands_on_it_and_nothing_else(corpus: FilesCorpus, tmp_path: Path) -> None:
    failing = plan(corpus, "bert-tiny+pretraining.learning_rate=1e30+pretraining.clip_norm=0", "albert-tiny", seeds=1)
    done = run(failing, tmp_path / "run", workers=0, watcher=Watcher(), catalog=CATALOG)
    reasons = {failure.job.kind: failure.reason for failure in done.failures}
    assert set(reasons) == {"pretrain", "finetune"}
    assert "the loss of bert.mlm is" in reasons["pretrain"] and "try a lower learning rate" in reasons["pretrain"]
    assert reasons["finetune"].startswith("pre-training bert-tiny+")
    assert score_table(done, compare_systems(done)).by_label[failing.variants[0].name][0] == "failed"
    missing = next(failure.job.name for failure in done.failures if failure.job.kind == "pretrain")
    assert f"| {missing} | failed" in rendered(done).replace("\\", "")


def test_a_report_is_made_from_the_folder_alone(finished: tuple[ComparisonRun, Path, Watcher]) -> None:
    done, folder, _ = finished
    assert read_run(folder) == done
    assert json.loads((folder / "results.json").read_text()) == summary(analyse(done))
    assert (folder / "report.md").read_text() == rendered(done)


def test_what_is_not_json_in_a_run_folder_is_named(
    finished: tuple[ComparisonRun, Path, Watcher], tmp_path: Path
) -> None:
    with pytest.raises(ZooError, match=r"holds no run: there is no plan.json in it"):
        read_run(tmp_path)
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(ZooError, match=r"plan.json is not a plan: not valid JSON"):
        read_run(tmp_path)


def test_a_task_without_a_dev_split_is_refused_before_training(corpus: FilesCorpus) -> None:
    with pytest.raises(ZooError, match="task 'undeveloped' has no items in validation"):
        make_plan(CATALOG, [CATALOG.variant("bert-tiny")], ["undeveloped"], corpus=corpus)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("albert-tiny+head.pooling=first", "differ in head.pooling, .*as albert-tiny.*head.pooling=mean"),
        (
            "albert-tiny+head.pooling=first+head.pair=joint",
            r"exchange fields, as albert-tiny\S+\+head.pooling=mean\+head.pair=compare$",
        ),
        ("albert-tiny+head.pooling=last", r"at its first token: give bert-tiny and albert-tiny\S+\+head.pooling=mean$"),
        ("albert-tiny+pretraining.tokens=5000", "with --pretrain-tokens N"),
        ("bert-tiny", "given twice"),
    ],
)
def test_an_unequal_comparison_is_refused(corpus: FilesCorpus, second: str, message: str) -> None:
    variants = [CATALOG.variant("bert-tiny"), CATALOG.variant(second)]
    with pytest.raises(ZooError, match=message):
        make_plan(CATALOG, variants, ["lamps"], corpus=corpus)


def test_a_budget_that_no_machine_meets_by_accident_must_be_asked_for(corpus: FilesCorpus) -> None:
    with pytest.raises(ZooError, match="bert-base-uncased asks for 42,598,400,000 pre-training tokens"):
        make_plan(CATALOG, [CATALOG.variant("bert-base-uncased")], ["lamps"], corpus=corpus)
    asked = make_plan(CATALOG, [CATALOG.variant("bert-base-uncased")], ["lamps"], corpus=corpus, budget_given=True)
    assert asked.variants[0].pretraining.tokens == 42_598_400_000


def test_file_names_are_fit_and_unique() -> None:
    assert slug("bert-tiny+encoder=albert.shared") == "bert-tiny+encoder=albert.shared"
    long = ["a" * 200, "a" * 201, "a/b", "a_b"]
    assert len({slug(name) for name in long}) == 4
    assert all("/" not in slug(name) and len(slug(name)) <= 120 for name in long)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps to see who is alive")
def test_the_workers_of_a_killed_run_do_not_outlive_it(tmp_path: Path) -> None:
    arguments = [
        "albert-tiny",
        "--tasks",
        "micro-sentiment",
        "--pretrain-tokens",
        "10000000",
        "--workers",
        "2",
        "--out",
        str(tmp_path / "run"),
    ]
    command = [sys.executable, "-m", "zoo", "compare", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 120
        while len(workers := _children(running.pid)) < 3 and time.monotonic() < deadline:  # two, and their tracker
            os.sched_yield()
        running.kill()
    assert len(workers) >= 3
    while any(map(_alive, workers)) and time.monotonic() < deadline:
        os.sched_yield()
    assert not any(map(_alive, workers))


def _children(pid: int) -> list[int]:
    """The processes that a process spawned, helpers of multiprocessing among them."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in listed]


def _alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.mark.slow
def test_every_seed_may_have_a_pretraining_of_its_own(
    finished: tuple[ComparisonRun, Path, Watcher], corpus: FilesCorpus, tmp_path: Path
) -> None:
    each = finished[0].plan.model_copy(update={"pretrain_each_seed": True})
    done = run(each, tmp_path / "run", watcher=Watcher(), catalog=CATALOG)
    assert len(done.results) == 2 * 2 + 2 * 2 + 2
    once, anew = fingerprints(finished[0]), fingerprints(done)
    jobs = finished[0].plan.jobs
    assert {name for name in once if once[name] == anew[name]} == {
        job.name for job in jobs if (job.kind, job.seed) != ("finetune", 1)
    }
    weights = {r.weights_hash for r in done.results if isinstance(r, ModelResult)}
    assert len(weights) == 4
    assert "2 seeds, each pre-trained, on dev" in rendered(done)


def test_a_disk_that_refuses_everything_fails_every_job_and_ends_no_run(
    finished: tuple[ComparisonRun, Path, Watcher], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path, result: ModelResult | TaskResult | FailedResult) -> None:
        raise RunFailed("No space left on device")

    monkeypatch.setattr("zoo.experiments.runner.job_store.write_result", refuse)
    done = run(finished[0].plan, tmp_path / "run", watcher=Watcher(), catalog=CATALOG)
    assert len(done.failures) == len(finished[0].results)
    assert {failure.reason for failure in done.failures} == {"No space left on device"}
