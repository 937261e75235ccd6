"""Executors that a plugin brings carry out a comparison as those of the zoo do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import zoo
import zoo_bert
from tests.experiments import toy_task
from zoo import Catalog, Offers, ZooError
from zoo.core.batch import Batch
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Result, fingerprint
from zoo.experiments.runner.executors import Ended, Executor, Moved
from zoo.model import Model

SMALL = "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48"


class LastFirst:
    """A stranger's executor: takes up to three jobs, and does the one that came last first."""

    slots = 3

    def __init__(self, catalog: Catalog) -> None:
        self.catalog, self.taken, self.done = catalog, list[Job](), list[str]()

    def open(self, plan: Plan, folder: Path, moved: Moved) -> None:
        self.plan, self.folder, self.moved = plan, folder, moved

    def start(self, job: Job) -> None:
        self.taken.append(job)

    def ended(self) -> list[Ended]:
        job = self.taken.pop()
        self.done.append(job.name)
        result = zoo.attempt(self.catalog, self.plan, job, self.folder, lambda done, n: self.moved(job, done, n))
        return [(job, result)]

    def close(self) -> None:
        self.taken.clear()


MADE: list[LastFirst] = []


def last_first(catalog: Catalog, workers: int, address: str | None) -> Executor:
    if workers > 3:
        raise ZooError(f"last-first takes at most 3 jobs at once, and {workers} workers were asked for")
    MADE.append(LastFirst(catalog))
    return MADE[-1]


CATALOG = Catalog.of(zoo_bert, toy_task, stranger=Offers(api_version=1, executors={"last-first": last_first}))


def compared(tmp_path: Path, executor: str, **options: object) -> list[Result]:
    text = tmp_path / "text.txt"
    text.write_text("the cook shows the judge a lamp.\n\nthe nurse has a boat.")
    budget = {"pretrain_tokens": 500, "finetune_steps": 2, "seeds": 2, "tasks": ["lamps"], "corpus": [text]}
    where = {"out": tmp_path / executor, "workers": 0, "executor": executor, "catalog": CATALOG}
    return list(zoo.compare(SMALL, **budget, **{**where, **options}).run.results)


def test_a_plugins_executor_makes_the_same_results(tmp_path: Path) -> None:
    theirs, ours = compared(tmp_path, "last-first"), compared(tmp_path, "local")
    assert not [result for result in (*theirs, *ours) if isinstance(result, FailedResult)]
    assert [fingerprint(a) for a in theirs] == [fingerprint(b) for b in ours]  # type: ignore[arg-type]
    assert sorted(MADE[-1].done) == sorted(result.job.name for result in theirs)


def test_an_executor_may_refuse_and_an_unknown_one_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="at most 3 jobs at once, and 8 workers were asked for"):
        compared(tmp_path, "last-first", workers=8)
    with pytest.raises(ZooError, match=r"'slurm' is not an executor\. Known: last-first, local, ray"):
        compared(tmp_path, "slurm")
    with pytest.raises(ZooError, match="--address is a cluster's"):
        compared(tmp_path, "local", address="HEAD:6379")


def test_all_passes_of_a_job_compute_in_its_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []
    hidden = Model.hidden

    def looking(model: Model, batch: Batch) -> Tensor:
        if len(batch.ids) > 1:  # not the audit's, which counts what one token meets
            seen.append((model.training, torch.is_autocast_enabled("cpu")))
        return hidden(model, batch)

    monkeypatch.setattr(Model, "hidden", looking)  # what predicts calls it; training calls forward
    results = compared(tmp_path, "local", precision="bf16")
    assert not [result for result in results if isinstance(result, FailedResult)]
    assert set(seen) == {(False, True)}
