"""The data of a task of one's own: what does not fit is refused with file and line, and what is held out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tasks.record_task import CSV, FINE, TOML, complaint, jsonl, parquet
from zoo.tasks.record_file import read_task_file
from zoo.tasks.task import Example


def test_a_file_without_a_label_column_can_be_read_to_predict(shop: Path) -> None:
    (shop.parent / "new.csv").write_text("review\nwhat\n")
    assert read_task_file(shop).read(shop.parent / "new.csv") == (Example("what"),)


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (b"review,opinion\nfine,goood\n", "train.csv:2: 'goood' is not a label; did you mean 'good'?"),
        (b"review,opinon\nfine,good\n", "train.csv:1: has no column 'opinion'; did you mean 'opinon'?"),
        (b"review,opinion\nfine,good,so\n", "train.csv:2: has 3 of 2 columns: review, opinion"),
        (b'review,opinion\n"fine,good\n', "train.csv:2: a quote opens in this row and is never closed"),
        (b"review,opinion\nfine,good\nfi\xffne,bad\n", "train.csv:3: byte 3 of the line, 0xff, is not UTF-8"),
        (b"review,opinion\nfi\0ne,good\n", "train.csv:2: a NUL at character 3"),
        (b"review,opinion\rfine,good\rpoor,bad\r", r"train.csv:1: lines end in \r alone; save the file with"),
        (b"review,opinion\n", "train.csv: holds no items"),
        (b"", "train.csv:1: is empty"),
        (b"review,opinion\nfine,good\nnice,good\n", "train.csv: all 2 items have the same label"),
    ],
)
def test_data_that_do_not_fit_are_refused_with_file_and_line(shop: Path, train: bytes, said: str) -> None:
    (shop.parent / "train.csv").write_bytes(train)
    assert complaint(shop, load=True).startswith(said)


def test_a_byte_order_mark_is_no_part_of_the_first_column(shop: Path) -> None:
    (shop.parent / "train.csv").write_bytes(b"\xef\xbb\xbf" + CSV.encode())
    assert read_task_file(shop).load(None).splits["train"] == FINE


def test_a_missing_label_is_refused_where_it_is_scored(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        jsonl(tmp_path / f"{split}.jsonl", [{"text": "a", "label": 1}, {"text": "b", "label": None}])
    path = tmp_path / "task.json"
    files = {split: f"{split}.jsonl" for split in ("train", "dev")}
    path.write_text(json.dumps({"name": "mine", "kind": "regression", "files": files}))
    assert complaint(path, load=True).startswith("train.jsonl:2: the label is missing, and should be a finite number")


def test_a_share_of_train_is_scored_on_where_there_is_no_dev(shop: Path) -> None:
    rows = [f"text {number % 80},{('good', 'bad')[number % 2]}" for number in range(100)]
    shop.write_text(TOML.replace('dev = "dev.csv"\n', "").replace("labels", "held_out = 0.2\nlabels"))
    found = []
    for its in (rows, rows[::-1]):
        (shop.parent / "train.csv").write_text("\n".join(["review,opinion", *its]))
        splits = read_task_file(shop).load(None).splits
        assert len(splits["train"]) + len(splits["dev"]) == 100 and 20 <= len(splits["dev"]) <= 21
        assert not {item.first for item in splits["train"]} & {item.first for item in splits["dev"]}
        found.append({item.first for item in splits["dev"]})
    assert found[0] == found[1]
    assert read_task_file(shop).dev_splits == ("dev",)


def test_a_share_that_leaves_nothing_is_refused(shop: Path) -> None:
    shop.write_text(TOML.replace('dev = "dev.csv"\n', "").replace("labels", "held_out = 0.01\nlabels"))
    assert complaint(shop, load=True) == "train.csv: held_out leaves no items in dev"


def test_a_score_outside_the_range_is_refused_with_its_line(shop: Path) -> None:
    shop.write_text(TOML.replace('labels = ["bad", "good"]', "score_range = [0, 5]").replace("classif", "regr", 1))
    shop.write_text(shop.read_text().replace("regrication", "regression"))
    for split in ("train", "dev"):
        (shop.parent / f"{split}.csv").write_text("review,opinion\nfine,5\npoor,0\n")
    assert [item.label for item in read_task_file(shop).load(None).splits["dev"]] == [5.0, 0.0]
    (shop.parent / "dev.csv").write_text("review,opinion\nfine,5\npoor,5.5\n")
    assert complaint(shop, load=True) == "dev.csv:3: the score 5.5 is not a number from 0 to 5"
    (shop.parent / "train.csv").write_text("review,opinion\nfine,5\npoor,5\n")
    (shop.parent / "dev.csv").write_text("review,opinion\nfine,5\npoor,4\n")
    assert complaint(shop, load=True) == "train.csv: all 2 items have the same score; nothing can be learned from it"
    (shop.parent / "train.csv").write_text("review,opinion\nfine,5\n")
    assert complaint(shop, load=True) == "train.csv: its only item has one score; nothing can be learned from it"


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_file_that_is_no_parquet_or_arrow_is_refused(suffix: str, tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.{suffix}").write_text("text,label\n")
    path = tmp_path / "task.json"
    files = {split: f"{split}.{suffix}" for split in ("train", "dev")}
    path.write_text(json.dumps({"name": "mine", "kind": "regression", "files": files}))
    assert complaint(path, load=True).startswith(f"train.{suffix}: is no")


def test_a_row_of_parquet_is_told_by_its_number(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        parquet(tmp_path / f"{split}.parquet", [{"text": "a", "label": "1"}, {"text": "b", "label": "one"}])
    path = tmp_path / "task.json"
    files = {split: f"{split}.parquet" for split in ("train", "dev")}
    path.write_text(json.dumps({"name": "mine", "kind": "regression", "files": files}))
    assert complaint(path, load=True).startswith("train.parquet:2: the score 'one' is not a finite number")
