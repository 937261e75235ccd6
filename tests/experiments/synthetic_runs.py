"""Runs made up for tests of what is said about runs: nothing is trained."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import zoo_albert
import zoo_bert
from zoo import Catalog
from zoo.auditing.audit import Settings, audit_variant
from zoo.document import Section
from zoo.document.formats import renderer
from zoo.experiments.plan.cache_key import cache_key
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.make import make_plan
from zoo.experiments.plan.plan import Plan
from zoo.experiments.plan.planned import PlannedSplit, hash_json
from zoo.experiments.plan.spec import PlanSettings
from zoo.experiments.report.build import document
from zoo.experiments.results.folder import write_result
from zoo.experiments.results.gold_labels import write_gold
from zoo.experiments.results.records import Cost, FailedResult, Measured, ModelResult, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.analysis import analyse
from zoo.machine.compute import ONE_THREAD
from zoo.machine.environment import environment

_spec = importlib.util.spec_from_file_location("zoo_toy", Path(__file__).with_name("toy_task.py"))
assert _spec and _spec.loader
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)

CATALOG = Catalog.of(zoo_bert, zoo_albert, toy)
TARGETS = [item % 2 for item in range(40)]
PLACE = environment(CATALOG)


def settings(**asked: Any) -> PlanSettings:
    """What is asked of a plan, on one thread."""
    return PlanSettings(compute=ONE_THREAD, **asked)


def of_forty(plan: Plan) -> Plan:
    """The plan, with `TARGETS` as the gold labels of every task."""
    dev = {"dev": PlannedSplit(n_items=len(TARGETS), gold=hash_json(TARGETS))}
    return plan.model_copy(update={"tasks": tuple(task.model_copy(update={"dev": dev}) for task in plan.tasks)})


def finetuned(plan: Plan, job: Job, n_wrong: int) -> TaskResult:
    """Wrong on so many items, other ones for every seed; the majority baseline answers 1 throughout."""
    wrong = {(7 * job.seed + 3 * item) % 40 for item in range(n_wrong)}
    made = [1 - target if item in wrong else target for item, target in enumerate(TARGETS)]
    made = [1] * 40 if job.system == "majority" else made
    accuracy = sum(a == b for a, b in zip(made, TARGETS, strict=True)) / 40
    return TaskResult(
        job=job,
        key=cache_key(plan, job, PLACE),
        task_version=1,
        data_hash=plan.tasks[0].content_hash,
        synthetic=False,
        steps=1,
        scores={"dev": {"accuracy": accuracy}},
        main_score=accuracy,
        predictions={"dev": made},
        environment=PLACE,
        cost=Cost(seconds=1.0, peak_bytes=1, latency_s=Measured(median=0.002, low=0.001, high=0.003, repeats=3)),
    )


def pretrained(plan: Plan, job: Job) -> ModelResult:
    """With the audit of the variant and short curves."""
    variant = CATALOG.variant(job.system)
    audit = audit_variant(CATALOG, variant, Settings(lengths=(64,)))
    assert audit.cost and audit.counts.encoder
    return ModelResult(
        job=job,
        key=cache_key(plan, job, PLACE),
        variant=variant,
        corpus="none",
        corpus_hash="0",
        corpus_documents=1,
        corpus_tokens=100,
        steps=4,
        tokens=400,
        losses={"bert.mlm": [4.0, 3.0]},
        accuracies={"bert.mlm": [0.1, 0.2]},
        parameters_stored=audit.counts.encoder,
        parameters_executed=1,
        breakdown=audit.breakdown,
        flops=audit.cost.lengths[0],
        weights_hash="0",
        checkpoint=f"checkpoints/{job.system}",
        checkpoint_bytes=1_000,
        checkpoint_files={"model.safetensors": "0"},
        environment=PLACE,
        cost=Cost(seconds=1.0, peak_bytes=2, tokens_per_s=400.0),
    )


def made_up(
    n_seeds: int, wrong: dict[str, list[int]], fail: tuple[str, ...] = (), pretrain: bool = False
) -> ComparisonRun:
    """A run whose systems are wrong on so many items, by seed; jobs named in `fail` have failed."""
    plan = make_plan(CATALOG, [CATALOG.variant(name) for name in wrong], ["lamps"], n_seeds=n_seeds)
    plan = of_forty(plan)
    results = [
        FailedResult(job=job, reason="it was told to")
        if job.name in fail
        else pretrained(plan, job)
        if job.kind == "pretrain"
        else finetuned(plan, job, 20 if job.system in plan.baselines else wrong[job.system][job.seed])
        for job in plan.jobs
        if job.kind != "pretrain" or pretrain
    ]
    return ComparisonRun(plan=plan, results=tuple(results), gold={"lamps": {"dev": TARGETS}})


def renamed(run: ComparisonRun, task: str) -> ComparisonRun:
    """The run with another name for its only task."""
    (planned,) = run.plan.tasks
    results = [
        r if r.job.task is None else r.model_copy(update={"job": r.job.model_copy(update={"task": task})})
        for r in run.results
    ]
    plan = run.plan.model_copy(update={"tasks": (planned.model_copy(update={"name": task}),)})
    return ComparisonRun(plan=plan, results=tuple(results), gold={task: run.gold[planned.name]})


def predicting(
    task: str,
    test_predictions: dict[str, list[int] | list[float]],
    *variants: str,
    fail: str = "",
    classes: int = 1_000,
) -> ComparisonRun:
    """A run on a task to whose items every seed has added its number, as long as there are so many classes."""
    wrong = {name: [5, 2, 2, 9] for name in variants or ("bert-tiny",)}
    run = renamed(made_up(4, wrong, fail=(fail,)), task)

    def added(values: list[int] | list[float], seed: int) -> list[int | float]:
        return [value + seed if value + seed < classes else value for value in values]

    results = [
        r.model_copy(update={"test_predictions": {s: added(made, r.job.seed) for s, made in test_predictions.items()}})
        if isinstance(r, TaskResult) and r.job.kind == "finetune"
        else r
        for r in run.results
    ]
    return replace(run, results=tuple(results))


def saved(run: ComparisonRun, folder: Path) -> Path:
    """The run as a folder."""
    (folder / "jobs").mkdir(parents=True)
    (folder / "plan.json").write_text(run.plan.model_dump_json())
    for result in run.results:
        write_result(folder, result)
    for task, answers in run.gold.items():
        write_gold(folder, run.plan.task(task), answers)
    return folder


def rendered(run: ComparisonRun, form: str = "markdown") -> str:
    """The report of a run in a format."""
    return renderer(form)(document(analyse(run)))


def section(run: ComparisonRun, name: str) -> Section:
    """A section of a run's report."""
    return next(part for part in document(analyse(run)).sections if part.id == name)
