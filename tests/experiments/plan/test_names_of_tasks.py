"""Tasks that are called as methods of modules are, in a whole comparison; and where its jobs say they were made."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
import zoo.pretraining.run
import zoo_bert
from tests.experiments.synthetic_runs import settings
from zoo import Catalog, Offers
from zoo.experiments.plan.corpus import FilesCorpus
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import ModelResult, TaskResult
from zoo.experiments.runner import finetune_job, model_statistics, pretrain_job, scoring
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.job import attempt
from zoo.machine.compute import Compute
from zoo.machine.environment import environment
from zoo.train.step import StepConfig

_spec = importlib.util.spec_from_file_location("zoo_toy", Path(__file__).parents[1] / "toy_task.py")
assert _spec and _spec.loader
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)

NAMES = ("type", "items", "train", "forward", "my.type", "lamps")
TASKS = [toy.LAMPS.model_copy(update={"name": name}) for name in NAMES]
CATALOG = Catalog.of(zoo_bert, odd=Offers(api_version=1, tasks=TASKS))

SMALL = (
    "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.max_length=24"
    "+pretraining.sequence_length=24+finetuning.max_length=24+pretraining.batch_tokens=240"
)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    lines = [f"the {a} shows the {b} a {thing}." for a in toy.NOUNS for b in toy.NOUNS for thing in ("lamp", "boat")]
    (tmp_path / "text.txt").write_text("\n\n".join("\n".join(lines[at : at + 6]) for at in range(0, len(lines), 6)))
    corpus = FilesCorpus(paths=(str(tmp_path / "text.txt"),))
    variant = with_budget(CATALOG.variant(SMALL), 2_000, 6)
    return make_plan(CATALOG, [variant], NAMES, n_seeds=1, corpus=corpus, settings=settings(keep_finetuned=True))


@pytest.mark.slow
def test_every_task_is_trained_and_its_model_predicts_again(plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    made = [attempt(CATALOG, plan, job, folder, lambda done, total: None) for job in plan.jobs]
    assert not [getattr(result, "reason", "") for result in made if result.kind == "failed"]
    tuned = {r.job.task: r for r in made if isinstance(r, TaskResult) and r.job.kind == "finetune"}
    assert set(tuned) == set(NAMES)
    model = zoo.load(folder / "finetuned" / tuned["type"].job.name, catalog=CATALOG)
    assert model.objective_names == ("task",)


def test_jobs_record_where_they_ran(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Compute(precision="bf16", threads=1)
    asked: list[torch.device | None] = []

    def needed(device: torch.device | None = None) -> int:
        asked.append(device)
        return 12_345

    def placed(catalog: Any, compute: Compute) -> Any:
        assert compute is here
        return environment(catalog, compute).model_copy(update={"accelerator": "ACME 9000"})

    jobs = {"pretrain": pretrain_job, "finetune": finetune_job}
    for module in (zoo.pretraining.run, finetune_job):
        monkeypatch.setattr(module, "peak_memory", needed)
    for module in jobs.values():
        monkeypatch.setattr(module, "reset_peak_memory", asked.append)
    for module in (model_statistics, scoring, pretrain_job):
        monkeypatch.setattr(module, "environment", placed)
    for kind, module in jobs.items():
        job = next(job for job in plan.jobs if job.kind == kind)
        how = StepConfig(here)
        made = getattr(module, kind)(JobContext(CATALOG, plan, job, tmp_path, lambda done, total: None, how))
        assert isinstance(made, ModelResult | TaskResult)
        assert (made.cost.peak_bytes, made.environment.accelerator) == (12_345, "ACME 9000")
        assert made.environment.precision == "bf16"
    assert asked == [torch.device("cpu")] * 4
