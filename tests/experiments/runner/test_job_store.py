"""The ledger of a run's jobs."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.experiments.synthetic_runs import CATALOG, PLACE, finetuned, of_forty, pretrained
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.make import make_plan
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Finished
from zoo.experiments.runner.claim import claim
from zoo.experiments.runner.job_store import JobStore


@pytest.fixture(scope="module")
def plan() -> Plan:
    return of_forty(make_plan(CATALOG, [CATALOG.variant("bert-tiny")], ["lamps"], n_seeds=30))


def store(plan: Plan, folder: Path) -> JobStore:
    claim(plan, folder, PLACE)
    (folder / "checkpoints" / "bert-tiny").mkdir(parents=True)
    return JobStore(plan, folder, PLACE)


def made(plan: Plan, job: Job) -> Finished:
    return pretrained(plan, job) if job.kind == "pretrain" else finetuned(plan, job, 1)


def done_in_turn(plan: Plan, jobs: JobStore) -> list[str]:
    """All jobs, each recorded before the next is acquired."""
    names = []
    while (job := jobs.acquire()) is not None:
        jobs.record(job, made(plan, job))
        names.append(job.name)
        assert not jobs.completed()
    return names


def test_jobs_are_done_in_the_plans_order_and_none_is_looked_for_for_anothers_sake(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, lexists = Counter[str](), os.path.lexists

    def counted(path: str | os.PathLike[str]) -> bool:
        looked[os.fspath(path)] += 1
        return lexists(path)

    monkeypatch.setattr("zoo.experiments.results.folder.os.path.lexists", counted)
    jobs = store(plan, tmp_path)
    assert not jobs.completed()
    assert done_in_turn(plan, jobs) == [job.name for job in plan.jobs]
    assert not jobs.waiting and len(jobs.run().results) == 33
    assert {looked[str(tmp_path / "jobs" / f"{job.name}.json")] for job in plan.jobs} == {3}


def test_a_job_that_another_run_has_done_in_the_meantime_is_told_and_those_that_need_it_go_on(
    plan: Plan, tmp_path: Path
) -> None:
    jobs = store(plan, tmp_path)
    assert not jobs.completed()
    other = JobStore(plan, tmp_path, PLACE)
    first = other.acquire()
    assert first is not None
    assert jobs.acquire() == plan.jobs[-2] and jobs.waiting_elsewhere  # a baseline: all else needs the first
    other.record(first, made(plan, first))
    (told,) = jobs.completed()
    assert told.result.job == first and told.reused
    assert jobs.acquire() == plan.jobs[1]


def test_what_needs_a_failed_job_has_failed(plan: Plan, tmp_path: Path) -> None:
    jobs = store(plan, tmp_path)
    assert not jobs.completed()
    first = jobs.acquire()
    assert first is not None
    jobs.record(first, FailedResult(job=first, reason="it was told to"))
    told = [recorded.result for recorded in jobs.completed()]
    assert [result.job for result in told] == plan.jobs[1:31]
    assert all(isinstance(result, FailedResult) and "bert-tiny failed" in result.reason for result in told)
    assert [job.name for job in jobs.waiting.values()] == [job.name for job in plan.jobs[31:]]


def test_a_plan_with_other_fields_has_other_jobs(plan: Plan) -> None:
    assert len(plan.jobs) == 33
    assert len(plan.model_copy(update={"seeds": (0, 1)}).jobs) == 5
    assert set(plan.origins) == {"bert-tiny"} and "jobs" not in plan.model_dump()
