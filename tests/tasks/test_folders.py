"""Folders of the data sets library, laid out as its version 5.2 writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from zoo.core.errors import ZooError
from zoo.registry.catalog import Catalog
from zoo.tasks.folders import stored_data
from zoo.tasks.record_file import read_task_file
from zoo.tasks.task import Example

NAMES = ("good", "bad")
FEATURES: dict[str, Any] = {
    "review": {"dtype": "string", "_type": "Value"},
    "label": {"names": list(NAMES), "_type": "ClassLabel"},
}
ROWS = [{"review": "fine", "label": 0}, {"review": "poor", "label": 1}, {"review": "so", "label": 0}]
ITEMS = (Example("fine", None, 0), Example("poor", None, 1), Example("so", None, 0))
README = """---
license: mit
dataset_info:
- config_name: other
  features: [{name: label, dtype: {class_label: {names: {'0': no, '1': yes}}}}]
- config_name: shop
  features:
  - name: review
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': good
          '1': bad
---
Reviews.
"""
TASK = {"name": "mine", "kind": "classification", "folder": "data", "columns": {"text": "review"}}


def table(rows: list[dict[str, Any]], features: dict[str, Any] | None = FEATURES) -> pyarrow.Table:
    made = pyarrow.Table.from_pylist(rows)
    return made.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})} if features else {}
    )


def arrow(path: Path, rows: list[dict[str, Any]], **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = table(rows, **how)
    with pyarrow.ipc.new_stream(str(path), made.schema) as file:
        file.write_table(made)


def parquet(path: Path, rows: list[dict[str, Any]], **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table(rows, **how), path)


def saved(folder: Path) -> None:
    """Dataset.save_to_disk, in two shards, beside a cache of a map."""
    arrow(folder / "data-00000-of-00002.arrow", ROWS[:2])
    arrow(folder / "data-00001-of-00002.arrow", ROWS[2:])
    arrow(folder / "cache-0123456789abcdef.arrow", ROWS)
    files = [{"filename": f"data-0000{number}-of-00002.arrow"} for number in range(2)]
    (folder / "state.json").write_text(json.dumps({"_data_files": files, "_split": folder.name}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))


def saved_splits(folder: Path) -> None:
    """DatasetDict.save_to_disk"""
    for split in ("train", "validation"):
        saved(folder / split)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "validation"]}))


def repository(folder: Path) -> None:
    """DatasetDict.push_to_hub, fetched"""
    for split in ("train", "validation"):
        parquet(folder / "data" / f"{split}-00000-of-00002.parquet", ROWS[:1])
        parquet(folder / "data" / f"{split}-00001-of-00002-0123456789abcdef.parquet", ROWS[1:])


def readme_alone(folder: Path) -> None:
    """A repository whose class names only the README says."""
    for split in ("train", "validation"):
        parquet(folder / "shop" / f"{split}-00000-of-00001.parquet", ROWS, features=None)
    (folder / "README.md").write_text(README)


def cached(folder: Path) -> None:
    """What load_dataset keeps"""
    for split in ("train", "validation"):
        arrow(folder / "shop" / "0.0.0" / "50b8002b96c2c942" / f"shop-{split}.arrow", ROWS)


def converted(folder: Path) -> None:
    """The hub's own conversion to Parquet"""
    for split in ("train", "validation"):
        parquet(folder / "shop" / split / "0000.parquet", ROWS)


LAYOUTS = [saved_splits, repository, readme_alone, cached, converted]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_folder_in_any_layout_holds_the_items_with_the_words_for_their_classes(
    layout: Callable[[Path], None], tmp_path: Path
) -> None:
    layout(tmp_path / "data")
    (tmp_path / "task.json").write_text(json.dumps(TASK))
    task = read_task_file(tmp_path / "task.json")
    assert task.labels == NAMES
    assert task.load(None).splits == {"train": ITEMS, "dev": ITEMS}


def test_ones_own_order_of_labels_and_other_words_for_them_are_kept(tmp_path: Path) -> None:
    saved_splits(tmp_path / "data")
    own = {"labels": ["negative", "positive"], "label_aliases": [["bad"], ["good"]]}
    (tmp_path / "task.json").write_text(json.dumps(TASK | own))
    items = read_task_file(tmp_path / "task.json").load(None).splits["dev"]
    assert [item.label for item in items] == [1, 0, 1]


def test_lists_of_class_ids_have_words_too(tmp_path: Path) -> None:
    tags = {"ner_tags": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": "List"}}
    for split in ("train", "test"):
        rows = [{"tokens": ["Ann", "sings"], "ner_tags": [1, 0]}]
        parquet(tmp_path / "data" / f"{split}-00000-of-00001.parquet", rows, features=tags)
    how = {"kind": "token-classification", "columns": {"tags": "ner_tags"}, "splits": {"train": "train", "dev": "test"}}
    (tmp_path / "task.json").write_text(json.dumps(TASK | how))
    task = read_task_file(tmp_path / "task.json")
    assert task.labels == ("O", "B-PER")
    assert task.load(None).splits["dev"] == (Example("Ann sings", None, (1, 0)),)


def break_state(folder: Path) -> None:
    saved_splits(folder)
    (folder / "train" / "state.json").write_text('{"_data_files": [{"filename": "../../etc/passwd"}]}')


def lose_shard(folder: Path) -> None:
    repository(folder)
    next((folder / "data").glob("train-00001*")).unlink()


def lose_saved_shard(folder: Path) -> None:
    saved_splits(folder)
    (folder / "train" / "data-00001-of-00002.arrow").unlink()


def wrong_id(folder: Path) -> None:
    for split in ("train", "validation"):
        parquet(folder / f"{split}.parquet", [*ROWS, {"review": "odd", "label": 2}])


def two_sets(folder: Path) -> None:
    for name in ("shop", "other"):
        parquet(folder / name / "train-00000-of-00001.parquet", ROWS)


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (break_state, "data/train/state.json: does not name the files of its data"),
        (lose_shard, "1 of 2 shards are there; download all of them"),
        (lose_saved_shard, "data-00001-of-00002.arrow: there is no such file, which task 'mine' needs"),
        (wrong_id, "train.parquet:4: 2 is not a class id; there are 2, from 0"),
        (two_sets, "data: holds several data sets, other, shop; say which one is meant, as the key config"),
        (saved, "its splits are data; say which are train and dev, such as splits = {train"),
        (lambda folder: folder.mkdir(), "holds no Parquet or Arrow files that the data sets library wrote"),
        (lambda folder: None, "data: there is no folder"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(layout: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    layout(tmp_path / "data")
    (tmp_path / "task.json").write_text(json.dumps(TASK))
    with pytest.raises(ZooError) as caught:
        read_task_file(tmp_path / "task.json").load(None)
    assert said.replace("data: there is no folder", "there is no folder") in str(caught.value)


def test_one_data_set_of_several_is_named(tmp_path: Path) -> None:
    two_sets(tmp_path)
    assert [*stored_data(tmp_path, "other").files] == ["train"]


GLUE: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "rte": (
        "RTE",
        "index\tsentence1\tsentence2\tlabel\n0\tA b.\tC \tentailment\n1\td\te\tnot_entailment\n",
        [{"sentence1": "A b.", "sentence2": "C ", "label": 0}, {"sentence1": "d", "sentence2": "e", "label": 1}],
    ),
    "wnli": (
        "WNLI",
        "index\tsentence1\tsentence2\tlabel\n0\tA\tb\t1\n1\tc\td\t0\n",
        [{"sentence1": "A", "sentence2": "b", "label": 1}, {"sentence1": "c", "sentence2": "d", "label": 0}],
    ),
    "stsb": (
        "STS-B",
        "index\tsentence1\tsentence2\tscore\n0\tA\tb\t3.8\n1\tc\td\t0.000\n",
        [{"sentence1": "A", "sentence2": "b", "label": 3.8}, {"sentence1": "c", "sentence2": "d", "label": 0.0}],
    ),
}
WORDS = {"rte": ["entailment", "not_entailment"], "wnli": ["not_entailment", "entailment"]}


@pytest.mark.parametrize("name", GLUE)
def test_glue_in_such_folders_is_glue_in_its_own_files(name: str, tmp_path: Path) -> None:
    official, content, rows = GLUE[name]
    for split, other in (("train", "train"), ("dev", "validation")):
        path = tmp_path / "own" / official / f"{split}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        features = {"label": {"names": WORDS[name], "_type": "ClassLabel"}} if name in WORDS else {}
        made = table(rows, features)
        if name == "stsb":
            made = made.set_column(2, "label", made["label"].cast(pyarrow.float32()))
        place = tmp_path / "hub" / name / f"{other}-00000-of-00001.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(made, place)
    task = Catalog.installed().task(name)
    assert task.load(tmp_path / "hub").content_hash == task.load(tmp_path / "own").content_hash


def test_a_suite_finds_its_tasks_in_such_folders(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        parquet(tmp_path / "rte" / f"{split}-00000-of-00001.parquet", ROWS)
    tasks = Catalog.installed().tasks
    assert tasks["rte"].absence(tmp_path) is None
    assert "has no file" in str(tasks["cola"].absence(tmp_path))
