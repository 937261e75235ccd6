"""Job kinds: records that say all that is known of a job by its kind, and nobody else asks for a kind by name."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType, ModuleType

import pytest

import zoo
import zoo_bert
from tests.experiments import toy_task
from tests.source_graph import SOURCES, tree_of
from zoo import Catalog, builtin_plugin
from zoo.experiments.plan import job_kinds, plan
from zoo.experiments.plan.cache_key import cache_key
from zoo.experiments.plan.inputs import Inputs
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import JOB_KINDS, JobKind, kind_of, start_job
from zoo.experiments.plan.spec import PlanSpec
from zoo.experiments.results.records import Cost, TaskResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.scoring import Answered, planned_data, scored
from zoo.machine.environment import environment

CATALOG = Catalog.of(zoo_bert, toy_task)
SMALL = "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48"


def planned(tmp_path: Path, *variants: str) -> plan.Plan:
    text = tmp_path / "text.txt"
    text.write_text("the cook shows the judge a lamp.\n\nthe nurse has a boat.")
    budget = {"pretrain_tokens": 500, "finetune_steps": 2, "seeds": 2}
    return zoo.plan_comparison(*variants, tasks=["lamps"], corpus=[text], catalog=CATALOG, **budget)


def test_nothing_compares_a_jobs_kind_with_a_name() -> None:
    found = []
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            words = {side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)}
            if words & {*JOB_KINDS}:
                found.append(f"{path.name}:{node.lineno}")  # type: ignore[attr-defined]
    assert not found


def test_every_kind_has_a_work_file_that_does_it() -> None:
    for name in JOB_KINDS:
        module = __import__(f"zoo.experiments.runner.{name}_job", fromlist=[name])
        assert callable(getattr(module, name))


def test_a_plans_jobs_stand_only_on_jobs_of_the_plan(tmp_path: Path) -> None:
    made = planned(tmp_path, SMALL, f"other={SMALL}+finetuning.learning_rate=0.1")
    assert all({*made.needs(job)} <= {*made.jobs} for job in made.jobs)
    assert [job.kind for job in made.jobs] == ["pretrain"] + ["finetune"] * 4 + ["baseline"] * 2
    titles = [kind_of(job).title(job) for job in made.jobs]
    assert len({*titles}) == len(titles)
    assert all(kind_of(job).size(made, job) > 0 for job in made.jobs)


class Shuffle(JobKind):
    """A new kind: the predictions of another job in a different order."""

    name = "shuffle"

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        return (Job(kind=self.name, system="shuffled", task=task.name, seed=0) for task in plan.tasks)

    def title(self, job: Job) -> str:
        return f"shuffling {job.task}"

    def needs(self, plan: PlanSpec, job: Job) -> tuple[Job, ...]:
        return (start_job(plan, plan.variants[0].name, 0),)

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        return {"task": plan.task(str(job.task)).content_hash}


def shuffle(work: JobContext) -> TaskResult:
    assert work.start().is_dir()
    task, dataset = planned_data(work)
    predictions = {split: [item.label for item in reversed(dataset.splits[split])] for split in task.dev_splits}
    return scored(work, Answered(predictions), steps=0, truncated={}, cost=Cost(seconds=0.0, peak_bytes=0))


def test_a_new_kind_is_one_record_and_one_work_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = MappingProxyType({**JOB_KINDS, "shuffle": Shuffle()})
    for module in (job_kinds, plan):
        monkeypatch.setattr(module, "JOB_KINDS", kinds)
    work = ModuleType("zoo.experiments.runner.shuffle_job")
    work.shuffle = shuffle  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, work.__name__, work)
    made = planned(tmp_path, SMALL)
    (job,) = [job for job in made.jobs if job.system == "shuffled"]
    assert zoo.estimate(made, catalog=CATALOG).work[-1].job == job
    run = zoo.compare(plan=made, out=tmp_path / "run", workers=0, catalog=CATALOG).run
    assert not run.failures
    (result,) = [result for result in run.results if result.job == job]
    assert isinstance(result, TaskResult) and result.main_score == 0.0  # lamps and boats take turns
    assert result.key == cache_key(made, job, environment(CATALOG, made.compute))
    assert zoo.report(tmp_path / "run").run.results == run.results


def test_a_fine_tuning_on_the_microworld_reads_a_token_per_word() -> None:
    """All of its words are pieces of a vocabulary learned from its text; [CLS] and one or two [SEP] are added."""
    catalog = Catalog.of(zoo_bert, builtin_plugin)
    made = zoo.plan_comparison("bert-tiny", finetune_steps=10, seeds=1, catalog=catalog)
    for task in made.tasks:
        items = catalog.task(task.name).load(None).splits["train"]
        words = sum(len(f"{item.first} {item.second or ''}".split()) for item in items) / len(items)
        (job,) = (job for job in made.jobs if (job.kind, job.task) == ("finetune", task.name))
        tokens = words + 3 if task.pair else words + 2
        assert kind_of(job).size(made, job) == pytest.approx(10 * 16 * tokens, rel=0.15)
