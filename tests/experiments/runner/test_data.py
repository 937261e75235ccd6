"""What of a task's data reaches which system, and what is kept and said of it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import zoo_bert
from tests.experiments.synthetic_runs import made_up, rendered, section
from zoo import Catalog, Dataset, Example, Offers, Task, ZooError
from zoo.document import Document
from zoo.document.formats import renderer
from zoo.experiments.plan.corpus import FilesCorpus
from zoo.experiments.plan.make import check_plan, make_plan, with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.gold_labels import read_gold
from zoo.experiments.results.records import FailedResult, TaskResult, Truncation
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.gold import keep_gold
from zoo.experiments.runner.job import attempt
from zoo.tasks.task import content_hash

SMALL = (
    "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.max_length=24"
    "+pretraining.sequence_length=24+finetuning.max_length=24+pretraining.batch_tokens=240"
)
LABELLED = [("good" if at % 2 else "bad", at % 2) for at in range(16)]


class Given(Task):
    """A task of the items that it is given."""

    train: tuple[tuple[str, int | None], ...]
    dev: tuple[tuple[str, int | None], ...] = (("good", 1), ("bad", 0))

    def load(self, folder: Path | None) -> Dataset:
        splits = {name: tuple(Example(t, None, v) for t, v in getattr(self, name)) for name in ("train", "dev")}
        return Dataset(splits, content_hash(splits))


def catalog_of(
    train: Sequence[tuple[str, int | None]], families: Sequence[object] = (zoo_bert,), **fields: object
) -> Catalog:
    fixed = {"name": "semi", "suite": "own", "kind": "classification", "pair": False, "citation": "none"}
    own = {"labels": ("bad", "good"), "metrics": ("accuracy",), "train": tuple(train), **fields}
    task = Given(**{**fixed, **own})  # type: ignore[arg-type]
    return Catalog.of(*families, own=Offers(api_version=1, tasks=[task]))


def planned(catalog: Catalog, folder: Path) -> Plan:
    text = folder / "text.txt"
    text.write_text("\n\n".join(["a good word.\na bad word.\nthe word is good."] * 40))
    variant = with_budget(catalog.variant(SMALL), 500, None)
    return make_plan(catalog, [variant], ["semi"], n_seeds=1, corpus=FilesCorpus(paths=(str(text),)))


def done(catalog: Catalog, plan: Plan, folder: Path) -> dict[str, TaskResult]:
    made = [attempt(catalog, plan, job, folder, lambda done, total: None) for job in plan.jobs]
    assert not [result for result in made if isinstance(result, FailedResult)]
    return {result.job.system: result for result in made if isinstance(result, TaskResult)}


@pytest.mark.slow
def test_items_without_a_label_change_nothing_for_any_system_and_are_counted(tmp_path: Path) -> None:
    mixed = [item for pair in zip([("a word", None)] * 16, LABELLED, strict=True) for item in pair]
    plans, found = [], []
    for name, train in (("labelled", LABELLED), ("mixed", mixed)):
        (tmp_path / name).mkdir()
        catalog = catalog_of(train)
        plans.append(planned(catalog, tmp_path / name))
        found.append(done(catalog, plans[-1], tmp_path / name))
    for labelled, also in zip(*(side.values() for side in found), strict=True):
        assert (labelled.job, labelled.steps) == (also.job, also.steps)
        assert (labelled.predictions, labelled.scores) == (also.predictions, also.scores)
    (task,) = plans[1].tasks
    assert (task.n_training, task.n_unlabelled) == (16, 16)
    run = ComparisonRun(plan=plans[1], results=())
    note = "16 of 32 training items of semi have no label; they are left out for every system."
    assert note in section(run, "scores").notes


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"dev": (("good", 1), ("bad", None))}, "the label of item 2 of dev is None, not a class id below 2"),
        ({"dev": (("good", 2),)}, "the label of item 1 of dev is 2, not a class id below 2"),
        ({"train": (("good", 7),)}, "the label of item 1 of train is 7, not a class id below 2"),
        ({"train": (("good", None),)}, "has no labelled items in train"),
        ({"dev": ()}, "has no items in dev"),
        ({"metrics": ("pearson",)}, "'pearson' is not a metric of classification"),
        ({"metrics": ("accuracy", "beauty")}, "'beauty' is not a metric"),
    ],
)
def test_what_cannot_be_trained_on_and_scored_is_refused_before_any_work(
    fields: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ZooError, match=told):
        planned(catalog_of(**{"train": LABELLED, **fields}), tmp_path)


def test_gold_labels_are_kept_by_the_run_and_are_those_of_the_plan(tmp_path: Path) -> None:
    catalog = catalog_of(LABELLED)
    plan = planned(catalog, tmp_path)
    keep_gold(catalog, plan, tmp_path)
    assert getattr(read_gold(tmp_path, plan.tasks[0]), "answers", None) == {"dev": [1, 0]}
    path = tmp_path / "gold" / "semi.json"
    kept = path.read_text()
    path.write_text(kept.replace("1", "0", 1))
    with pytest.raises(ZooError, match=r"semi.json does not hold the gold labels that the plan means: .* 'dev'"):
        read_gold(tmp_path, plan.tasks[0])
    path.unlink()
    with pytest.raises(ZooError, match="the data of task 'semi' are not those that were planned"):
        keep_gold(catalog_of(LABELLED, dev=(("good", 0),)), plan, tmp_path)
    keep_gold(catalog, plan, tmp_path)
    assert path.read_text() == kept


def test_a_task_with_other_labels_than_planned_is_named_with_what_changed(tmp_path: Path) -> None:
    plan = planned(catalog_of(LABELLED), tmp_path)
    other = catalog_of(LABELLED, labels=("no", "yes"))
    with pytest.raises(ZooError, match=r"task 'semi' is not what was planned: labels \['bad', 'good'\], here"):
        check_plan(other, plan)


def cut(run: ComparisonRun) -> ComparisonRun:
    """The run, with items of one variant cut."""
    truncated = {
        "train": Truncation(cut=1_200, items=2_490, length=128),
        "dev": Truncation(cut=3, items=40, length=128),
    }
    results = [
        r.model_copy(update={"truncated": truncated})
        if isinstance(r, TaskResult) and r.job.system == "bert-tiny"
        else r
        for r in run.results
    ]
    return replace(run, results=tuple(results))


def test_every_report_says_how_many_items_were_cut_to_which_length() -> None:
    run = cut(made_up(2, {"bert-tiny": [5, 4], "albert-tiny": [1, 2]}))
    line = "Items of lamps cut to 128 tokens: bert-tiny 1,200 of 2,490 in train, 3 of 40 in dev."
    assert all(line in rendered(run, form) for form in ("terminal", "markdown", "html", "latex"))
    alone = Document("", (section(run, "seeds"),))
    rows = list(csv.DictReader(StringIO(renderer("csv")(alone))))
    told = {row["system"]: (row["max length"], row["items cut"], row["training items cut"]) for row in rows}
    assert told["bert-tiny"] == ("128", "3", "1200") and told["albert-tiny"] == ("-", "-", "-")


@pytest.mark.slow
def test_the_number_of_items_cut_is_counted_by_split(tmp_path: Path) -> None:
    train = [("good word " * 20, 1), ("bad", 0), ("good " * 30, 1)] * 4
    catalog = catalog_of(train, dev=(("bad " * 40, 0), ("good", 1)))
    found = done(catalog, planned(catalog, tmp_path), tmp_path)
    assert found["majority"].truncated == {}
    (mine,) = [result for name, result in found.items() if name.startswith("bert-tiny")]
    assert {split: (t.cut, t.items, t.length) for split, t in mine.truncated.items()} == {
        "train": (8, 12, 24),
        "dev": (1, 2, 24),
    }
