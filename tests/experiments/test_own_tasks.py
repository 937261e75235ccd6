"""A task of one's own from its file to a verified run, which keeps what it needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import zoo
import zoo_bert
from tests.experiments.tasks_of_every_kind import OFFERS, TASKS
from tests.strangers.plugin import OFFERS as STRANGER
from zoo.core.errors import ZooError
from zoo.experiments.plan.plan import read_plan
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Example, Task

CATALOG = zoo.Catalog.of(made=OFFERS, stranger=STRANGER)
SMALL = (
    "small=bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.max_length=24"
    "+pretraining.sequence_length=24+finetuning.max_length=24+finetuning.batch_size=8"
)
BUDGET: dict[str, Any] = {"pretrain_tokens": 1_000, "finetune_steps": 2, "seeds": 2, "workers": 0}


def as_row(task: Task, item: Example) -> dict[str, Any]:
    """The fields of an item, as someone would write them."""
    if item.choices:
        return {"text": item.first, "choices": item.choices, "label": item.label}
    if task.kind == "question-answering":
        found = item.label or ()
        answers = {"text": [text for _, text in found], "answer_start": [start for start, _ in found]}
        known = item.label is not None
        return {"question": item.first, "context": item.second, **({"answers": answers} if known else {})}
    field, text = ("tags", "tokens") if task.kind == "token-classification" else ("label", "text")
    names = {field: task_kind(task).shown(item.label)} if task.labels and item.label is not None else {}
    return {text: item.first, field: item.label} | names


def described(task: Task, folder: Path) -> Path:
    """A file that describes a task, beside its items."""
    dataset = task.load(None)
    for split, items in dataset.splits.items():
        lines = "".join(json.dumps(as_row(task, item)) + "\n" for item in items)
        (folder / f"{task.name}-{split}.jsonl").write_text(lines)
    path = folder / f"{task.name}.json"
    files = {split: f"{task.name}-{split}.jsonl" for split in dataset.splits}
    how = {"labels": task.labels, "metrics": task.metrics, "options": task.options, "files": files}
    path.write_text(json.dumps({"name": f"my-{task.name}", "kind": task.kind} | how))
    return path


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_file_describes_items_of_every_kind_as_a_plugin_would_offer_them(task: Task, tmp_path: Path) -> None:
    own = CATALOG.task(str(described(task, tmp_path)))
    assert own.load(None).content_hash == task.load(None).content_hash
    assert (own.pair, own.kind, own.labels) == (task.pair, task.kind, task.labels)


def test_a_plugin_can_offer_such_a_task_and_the_plan_refers_to_it(tmp_path: Path) -> None:
    offered = CATALOG.task(str(described(TASKS[0], tmp_path)))
    catalog = zoo.Catalog.of(zoo_bert, mine=zoo.Offers(api_version=1, tasks=[offered]))
    planned = zoo.plan_comparison(SMALL, tasks=[offered.name], catalog=catalog, pretrain_tokens=1_000)
    assert not planned.own_tasks and [task.name for task in planned.tasks] == [offered.name]
    with pytest.raises(ZooError, match="is the name of an installed task"):
        zoo.plan_comparison(SMALL, tasks=[offered.model_copy(update={"place": "."})], catalog=catalog)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a task whose file is not there any more."""
    folder = tmp_path_factory.mktemp("own")
    path = described(TASKS[0], folder)
    done = zoo.compare(SMALL, tasks=[path], out=folder / "run", keep_finetuned=True, **BUDGET)
    assert not done.failures
    path.unlink()
    return folder


@pytest.mark.slow
def test_the_run_keeps_what_report_verify_and_resume_need(place: Path) -> None:
    assert zoo.report(place / "run").run.plan.tasks[0].name == "my-things"
    assert not zoo.verify(place / "run").contradicted
    models = zoo.verify(place / "run", depth="models").counts
    assert models["confirmed"] and not models["contradicted"] and not models["not decidable"]
    again = zoo.compare(resume=True, out=place / "run", workers=0)
    assert not again.failures


@pytest.mark.slow
def test_where_the_data_lie_changes_no_key_of_a_result(place: Path, tmp_path: Path) -> None:
    moved = described(TASKS[0], tmp_path)
    plan = zoo.plan_comparison(SMALL, tasks=moved, **{name: BUDGET[name] for name in BUDGET if name != "workers"})
    assert plan.content_hash == read_plan(place / "run" / "plan.json").content_hash


@pytest.mark.slow
def test_a_model_predicts_a_file_of_the_tasks_layout(place: Path, tmp_path: Path) -> None:
    path = described(TASKS[0], tmp_path)
    model = place / "run" / "finetuned" / "finetune-small-my-things-s0"
    made = zoo.predict_file(model, tmp_path / "things-dev.jsonl", task=str(path))
    assert set(made.scores) == {"macro-f1", "weighted-f1"} and len(made.rows) == 20


def test_a_record_made_in_python_is_a_task_too(tmp_path: Path) -> None:
    task = CATALOG.task(str(described(TASKS[0], tmp_path)))
    assert isinstance(task, zoo.RecordTask)
    plan = zoo.plan_comparison(SMALL, tasks=[task], pretrain_tokens=1_000)
    assert plan.tasks[0].record == task


def test_an_unknown_task_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="'rtee' is not a task; did you mean 'rte'"):
        zoo.plan_comparison(SMALL, tasks="rtee")
