"""Tasks of one's own: a file that describes them, and data files of every format, read for every kind of task."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tests.strangers import ordinal
from zoo.core.errors import ZooError
from zoo.registry.catalog import Catalog
from zoo.registry.offers import Offers
from zoo.tasks.record_file import read_task_file
from zoo.tasks.task import Example

CSV = 'review,opinion\n"fine, so to say",good\npoor,bad\n'
TOML = """
name = "reviews"
kind = "classification"
labels = ["bad", "good"]

[files]
train = "train.csv"
dev = "dev.csv"

[columns]
text = "review"
label = "opinion"
"""
FINE = (Example("fine, so to say", None, 1), Example("poor", None, 0))
Rows = list[dict[str, Any]]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The file of a task whose data are there."""
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv").write_text(CSV)
    (tmp_path / "reviews.toml").write_text(TOML)
    return tmp_path / "reviews.toml"


def complaint(path: Path, load: bool = False) -> str:
    with pytest.raises(ZooError) as caught:
        task = read_task_file(path)
        if load:
            task.load(None)
    assert caught.value.exit_code == 2
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_a_task_file_in_toml_names_files_columns_and_labels(shop: Path) -> None:
    task = read_task_file(shop)
    assert task.load(None).splits == {"train": FINE, "dev": FINE}
    assert (task.name, task.metrics, task.pair, task.dev_splits) == ("reviews", ("accuracy",), False, ("dev",))


def test_the_same_in_json_is_the_same_task(shop: Path) -> None:
    import tomllib

    path = shop.with_suffix(".json")
    path.write_text(json.dumps(tomllib.loads(TOML)))
    assert read_task_file(path).model_copy(update={"citation": ""}) == read_task_file(shop).model_copy(
        update={"citation": ""}
    )


def as_cells(rows: Rows, write: Callable[[Iterable[list[str]]], None]) -> None:
    """Lists in several columns."""
    flat = [{f"{name}{place}": part for name, value in row.items() for place, part in _numbered(value)} for row in rows]
    write([[*flat[0]], *[[str(value) for value in row.values()] for row in flat]])


def _numbered(value: Any) -> list[tuple[Any, Any]]:
    return list(enumerate(value)) if isinstance(value, list) else [("", value)]


def tsv(path: Path, rows: Rows) -> None:
    as_cells(rows, lambda lines: path.write_text("".join("\t".join(line) + "\n" for line in lines)) and None)


def comma(path: Path, rows: Rows) -> None:
    with path.open("w", newline="") as file:
        as_cells(rows, csv.writer(file).writerows)


def jsonl(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def gzipped(path: Path, rows: Rows) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def parquet(path: Path, rows: Rows) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def arrow(path: Path, rows: Rows) -> None:
    table = pyarrow.Table.from_pylist(rows)
    with pyarrow.ipc.new_stream(str(path), table.schema) as file:
        file.write_table(table)


WRITERS = {"tsv": tsv, "csv": comma, "jsonl": jsonl, "jsonl.gz": gzipped, "parquet": parquet, "arrow": arrow}
KINDS: dict[str, tuple[dict[str, Any], Rows, tuple[Example, ...]]] = {
    "classification": (
        {"labels": ["bad", "good"]},
        [{"text": 'so "so', "label": "good"}, {"text": "poor", "label": "bad"}],
        (Example('so "so', None, 1), Example("poor", None, 0)),
    ),
    "stranger.ordinal": (
        {"labels": ["low", "high"], "columns": {"text_pair": "text_pair"}, "metrics": ["stranger.distance"]},
        [{"text": "a", "text_pair": "b", "label": "high"}, {"text": "c", "text_pair": "d", "label": "low"}],
        (Example("a", "b", 1), Example("c", "d", 0)),
    ),
    "multi-label": (
        {"labels": ["cheap", "fast"]},
        [{"text": "a", "label": "fast,cheap"}, {"text": "b", "label": ""}],
        (Example("a", None, (0, 1)), Example("b", None, ())),
    ),
    "regression": (
        {"metrics": ["spearman"]},
        [{"text": "a", "label": 0.5}, {"text": "b", "label": 2.0}],
        (Example("a", None, 0.5), Example("b", None, 2.0)),
    ),
    "token-classification": (
        {"labels": ["O", "B-PER"]},
        [{"tokens": "Ann sings", "tags": "B-PER O"}, {"tokens": "no", "tags": "O"}],
        (Example("Ann sings", None, (1, 0)), Example("no", None, (0,))),
    ),
    "token-classification by characters": (
        {"labels": ["O", "B-PER"], "options": {"words": "characters"}},
        [{"tokens": "安唱", "tags": "B-PER O"}, {"tokens": "不", "tags": "O"}],
        (Example("安唱", None, (1, 0)), Example("不", None, (0,))),
    ),
    "question-answering": (
        {},
        [{"question": "who ?", "context": "Ann met Ann .", "answers": "Ann", "answer_start": 8}] * 2,
        (Example("who ?", "Ann met Ann .", ((8, "Ann"),)),) * 2,
    ),
    "multiple-choice": (
        {},
        [{"text": "a", "choices": ["b", "c"], "label": 1}, {"text": "d", "choices": ["e", "f"], "label": 0}],
        (Example("a", None, 1, ("b", "c")), Example("d", None, 0, ("e", "f"))),
    ),
}
STRANGER = Offers(
    api_version=1,
    task_kinds={"stranger.ordinal": ordinal.Ordinal},
    metrics={"stranger.distance": ordinal.DISTANCE},
)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("kind", KINDS)
def test_items_of_every_kind_are_read_from_every_format(kind: str, suffix: str, tmp_path: Path) -> None:
    Catalog.of(stranger=STRANGER)
    fields, rows, items = KINDS[kind]
    for split in ("train", "dev"):
        WRITERS[suffix](tmp_path / f"{split}.{suffix}", rows)
    cells = {"columns": {"choices": ["choices0", "choices1"]}} if "choices" in rows[0] and len(suffix) == 3 else {}
    files = {split: f"{split}.{suffix}" for split in ("train", "dev")}
    path = tmp_path / "task.json"
    path.write_text(json.dumps({"name": "mine", "kind": kind.split()[0], "files": files} | fields | cells))
    task = read_task_file(path)
    assert task.load(None).splits == {"train": items, "dev": items}
    assert task.read(tmp_path / files["dev"]) == items


def test_a_file_without_a_label_column_can_be_read_to_predict(shop: Path) -> None:
    (shop.parent / "new.csv").write_text("review\nwhat\n")
    assert read_task_file(shop).read(shop.parent / "new.csv") == (Example("what"),)


def test_several_files_make_a_split_and_files_without_header_have_named_columns(shop: Path) -> None:
    for number in "12":
        (shop.parent / f"train{number}.tsv").write_text(f"good\tfine{number}\nbad\tpoor\n")
    shop.write_text(
        TOML.replace('"train.csv"', '["train1.tsv", "train2.tsv"]')
        .replace('"dev.csv"', '"train1.tsv"')
        .replace("labels", 'names = ["opinion", "review"]\nlabels')
    )
    assert [item.first for item in read_task_file(shop).load(None).splits["train"]] == [
        "fine1",
        "poor",
        "fine2",
        "poor",
    ]


def test_labels_that_are_left_out_are_proposed(shop: Path) -> None:
    shop.write_text(TOML.replace('labels = ["bad", "good"]\n', ""))
    said = complaint(shop)
    assert said.startswith("reviews.toml: give the labels, in the order of class ids;")
    assert said.endswith('train.csv has: labels = ["bad", "good"]')


def test_data_that_were_moved_are_found_in_the_data_folder(shop: Path, tmp_path: Path) -> None:
    task, moved = read_task_file(shop), tmp_path / "moved"
    moved.mkdir()
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv").rename(moved / f"{split}.csv")
    assert task.load(moved).splits["train"] == FINE
    with pytest.raises(ZooError, match=r"train\.csv: there is no such file, which task 'reviews' needs"):
        task.load(None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[columns]", "[colums]", "reviews.toml:10: 'colums' is not a key of a task file; did you mean 'columns'?"),
        ("text = ", "txt = ", "reviews.toml:11: 'txt' is not a field of classification; did you mean 'text'?"),
        ('"classification"', '"clasification"', "reviews.toml:3: 'clasification' is not a task kind; did you mean"),
        ('"classification"', "3", "reviews.toml:3: kind: "),
        ('"dev.csv"', '"../dev.csv"', "reviews.toml:8: '../dev.csv' is outside the folder of the task file"),
        ('"dev.csv"', '"/etc/passwd.csv"', "reviews.toml:8: '/etc/passwd.csv' is outside the folder of the task file"),
        ('"dev.csv"', '"dev.xls"', "reviews.toml:8: the name 'dev.xls' must end in .tsv, .csv, .jsonl"),
        ('dev = "dev.csv"\n', "", "reviews.toml:6: files should name train and dev, and names train"),
        ('name = "reviews"', "name = reviews", "reviews.toml:2: not valid TOML: Invalid value"),
        ('["bad", "good"]', '["bad"]', "reviews.toml: task 'reviews': a classification task needs two labels or more"),
        ('["bad", "good"]', '["bad", "good", "bad"]', "reviews.toml:4: 'bad' is given twice in labels"),
        ('"train.csv"', '["train.csv", "train.csv"]', "reviews.toml:6: 'train.csv' is given twice in files"),
        ("labels", 'unlabelled = ["dev"]\nlabels', "reviews.toml:4: 'dev' is trained or scored on"),
        ("labels", 'unlabelled = ["tst"]\nlabels', "reviews.toml:4: 'tst' is not a split of this task"),
        (
            "labels",
            'metrics = ["accuracy", "accuracy"]\nlabels',
            "reviews.toml:4: 'accuracy' is given twice in metrics",
        ),
        (
            'text = "review"',
            'text = "opinion"',
            "reviews.toml:11: text is read from the column of the label, 'opinion'",
        ),
        ("[columns]", "[rows]", "reviews.toml:10: 'rows' is not a key of a task file; there are name, kind, files"),
        ('"train.csv"', "5", "reviews.toml:7: files.train: should be a name, or a list of names (given: 5)"),
        ('"train.csv"', "[]", "reviews.toml:7: files.train: should be a name, or a list of names (given: [])"),
        ('"opinion"', "true", "reviews.toml:12: columns.label: should be a name, or a list of names (given: True)"),
        (
            '[files]\ntrain = "train.csv"\ndev = "dev.csv"',
            'files = "x"',
            "reviews.toml:6: files: should name the",
        ),
        (
            "labels",
            "score_range = [0, 5]\nlabels",
            "reviews.toml:4: score_range is of scores; a class",
        ),
        ("labels", "score_range = [5, 0]\nlabels", "reviews.toml:4: score_range: should be the lowest and the highest"),
        ("labels", "held_out = 0.1\nlabels", "reviews.toml:4: there is dev to score on; leave out held_out"),
        ("labels", 'metrics = ["acuracy"]\nlabels', "reviews.toml: 'acuracy' is not a metric of classification"),
    ],
)
def test_a_task_file_that_does_not_fit_is_refused_with_its_line(shop: Path, old: str, new: str, said: str) -> None:
    shop.write_text(TOML.replace(old, new))
    assert complaint(shop).startswith(said)


def test_a_link_to_a_file_outside_is_refused(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "dev.csv"
    outside.write_text(CSV)
    (shop.parent / "dev.csv").unlink()
    (shop.parent / "dev.csv").symlink_to(outside)
    assert "'dev.csv' is outside the folder of the task file" in complaint(shop)


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
    assert complaint(shop, load=True) == "train.csv: all 2 items have the same score; nothing can be learnt from it"
    (shop.parent / "train.csv").write_text("review,opinion\nfine,5\n")
    assert complaint(shop, load=True) == "train.csv: its only item has one score; nothing can be learnt from it"


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


def test_the_name_of_an_installed_task_is_refused(shop: Path) -> None:
    shop.write_text(TOML.replace('"reviews"', '"rte"'))
    with pytest.raises(ZooError, match="'rte' is the name of an installed task; give your own another"):
        Catalog.installed().task(str(shop))
