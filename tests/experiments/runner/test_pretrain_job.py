"""Pre-training inside a comparison: resumed from its checkpoints, on text that is tokenized once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import zoo_albert
import zoo_bert
from tests.experiments.runner.test_data import LABELLED, SMALL, catalog_of
from tests.experiments.synthetic_runs import settings
from zoo import Catalog
from zoo.experiments.plan.corpus import FilesCorpus
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import ModelResult
from zoo.experiments.runner.job import attempt
from zoo.experiments.runner.run import run
from zoo.pretraining.log import read_log
from zoo.pretraining.setup import train_tokenizer
from zoo.text import cache

N_STEPS = 40

SCRIPT = """
import sys
from pathlib import Path
from tests.experiments.runner.test_pretrain_job import Silent, catalog
from zoo.experiments.plan.plan import read_plan
from zoo.experiments.runner import pretrain_job
from zoo.experiments.runner.run import run
pretrain_job.CHECKPOINT_SECONDS = 0.0
plan = read_plan(Path(sys.argv[1]))
run(plan, Path(sys.argv[2]), catalog=catalog(), watcher=Silent())
"""
"""A run in this process, whose jobs write a checkpoint after every step."""


class Silent:
    """Watches a run and says nothing."""

    def admitted(self, jobs: object) -> None: ...

    def started(self, job: object) -> None: ...

    def moved(self, job: object, done: int, total: int) -> None: ...

    def ended(self, job: object, result: object, reused: bool) -> None: ...


def catalog() -> Catalog:
    return catalog_of(LABELLED)


def planned(folder: Path, *variants: str, families: Catalog | None = None, **how: Any) -> Plan:
    text = folder / "text.txt"
    text.write_text("\n\n".join(["a good word.\na bad word.\nthe word is good."] * 40))
    catalog_ = families or catalog()
    chosen = [with_budget(catalog_.variant(name), 240 * N_STEPS, 1) for name in variants or (SMALL,)]
    return make_plan(
        catalog_, chosen, ["semi"], n_seeds=2, corpus=FilesCorpus(paths=(str(text),)), settings=settings(**how)
    )


@pytest.mark.slow
def test_killed_in_a_job_a_run_goes_on_from_the_jobs_last_checkpoint_and_ends_with_the_same_bits(
    tmp_path: Path,
) -> None:
    plan = planned(tmp_path)
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    whole = run(plan, tmp_path / "whole", catalog=catalog(), watcher=Silent())
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "plan.json"), str(tmp_path / "killed")]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    (folder,) = until(lambda: [*(tmp_path / "killed" / "unfinished").glob("*/checkpoints/step-*5")], process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    job_folder = folder.parents[1]
    done = steps_of(job_folder)
    assert 5 <= done[-1] < N_STEPS
    begun: list[int] = []

    class Counting(Silent):
        def moved(self, job: Any, done: int, total: int) -> None:
            if job.kind == "pretrain":
                begun.append(done)

    again = run(plan, tmp_path / "killed", catalog=catalog(), watcher=Counting())
    assert begun[0] > 5 and begun[-1] == N_STEPS
    assert [comparable(result) for result in again.results] == [comparable(result) for result in whole.results]
    assert not (tmp_path / "killed" / "unfinished").exists() and not (tmp_path / "killed" / "shared").exists()


def until(found: Any, process: subprocess.Popen[bytes]) -> list[Path]:
    """What is found at last, while a process is alive."""
    while process.poll() is None:
        if paths := found():
            return paths[:1]
        time.sleep(0.002)
    raise AssertionError("the process ended too early")


def steps_of(folder: Path) -> list[int]:
    return [int(str(line["step"])) for line in read_log(folder) if line["event"] == "step"]


def comparable(result: Any) -> dict[str, Any]:
    kept: dict[str, Any] = result.model_dump(mode="json", exclude={"cost", "checkpoint_bytes"})
    return kept


def test_a_signal_in_a_job_writes_a_checkpoint_first(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    job = plan.jobs[0]

    def stop(done: int, total: int) -> None:
        if done == 7:
            os.kill(os.getpid(), signal.SIGINT)

    (tmp_path / "jobs").mkdir()
    with pytest.raises(KeyboardInterrupt):
        attempt(catalog(), plan, job, tmp_path, stop)
    (folder,) = (tmp_path / "unfinished").iterdir()
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-0000000008"]
    done: list[int] = []
    result = attempt(catalog(), plan, job, tmp_path, lambda n, total: done.append(n))
    assert isinstance(result, ModelResult) and done[0] == 9 and done[-1] == N_STEPS
    assert {len(values) for values in result.losses.values()} == {N_STEPS}


@pytest.mark.slow
def test_text_is_tokenized_once_per_tokenizer_however_many_variants_and_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    families = catalog_of(LABELLED, (zoo_bert, zoo_albert))
    tokenized: list[str] = []
    original = cache.tokenized

    def counted(documents: Iterable[Sequence[str]], tokenizer: Any) -> Iterator[Any]:
        tokenized.append(type(tokenizer).__name__)
        return original(documents, tokenizer)

    monkeypatch.setattr(cache, "tokenized", counted)
    trained: list[str] = []

    def learned(catalog_: Catalog, variant: Any, documents: Any) -> Any:
        trained.append(variant.tokenizer.name)
        return train_tokenizer(catalog_, variant, documents)

    monkeypatch.setattr("zoo.pretraining.preparation.train_tokenizer", learned)
    names = (SMALL, f"{SMALL}+objectives=bert.mlm", f"{SMALL}+tokenizer=albert.unigram")
    plan = planned(tmp_path, *names, families=families, pretrain_each_seed=True)
    done = run(plan, tmp_path / "run", catalog=families, watcher=Silent())
    assert not done.failures
    assert len([r for r in done.results if isinstance(r, ModelResult)]) == 6
    assert len(trained) == len(tokenized) == 2


@pytest.mark.slow
def test_documents_are_held_out_where_that_is_asked_for(tmp_path: Path) -> None:
    plan = planned(tmp_path, held_out=0.1)
    result = attempt(catalog(), plan, plan.jobs[0], tmp_path, lambda done, total: None)
    assert isinstance(result, ModelResult)
    assert {name for name, score in result.held_out.items() if score.predictions} == {"bert.mlm", "bert.nsp"}
    plain = planned(tmp_path)
    without = attempt(catalog(), plain, plain.jobs[0], tmp_path, lambda done, total: None)
    assert isinstance(without, ModelResult) and without.held_out == {}
    assert without.weights_hash != result.weights_hash
    assert json.loads((tmp_path / result.checkpoint / "provenance.json").read_text())["made_by"] == "zoo compare"
