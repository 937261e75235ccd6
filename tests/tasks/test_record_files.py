"""The file that describes a task of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tasks.record_task import CSV, FINE, TOML, complaint
from zoo.core.errors import ZooError
from zoo.registry.catalog import Catalog
from zoo.tasks.record_file import read_task_file


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


def test_the_name_of_an_installed_task_is_refused(shop: Path) -> None:
    shop.write_text(TOML.replace('"reviews"', '"rte"'))
    with pytest.raises(ZooError, match="'rte' is the name of an installed task; give your own another"):
        Catalog.installed().task(str(shop))


def test_a_table_in_place_of_a_task_is_told_apart_from_a_wrong_name(shop: Path) -> None:
    for given in (shop.parent / "dev.csv", shop.parent):
        with pytest.raises(ZooError, match=r"is no task; describe the task in a file, such as task.toml"):
            Catalog.installed().task(str(given))
