"""What `zoo task check` says of data in which everything can be counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo
from tests.documentation.workplace import checkpoint, type_
from zoo.tasks.inspection import Lengths, SplitFacts

TRAIN = 'text,label\nthe cook sang,good\nthe cook sang,good\nthe cook sang,bad\n"",bad\nthe poet left,good\n'
DEV = "text,label\nthe nurse slept,good\nthe poet left,good\nthe judge left the nurse,new\n"
TASK = {
    "name": "people",
    "kind": "classification",
    "labels": ["bad", "good", "new"],
    "files": {"train": "train.csv", "dev": "dev.csv"},
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    (folder / "train.csv").write_text(TRAIN)
    (folder / "dev.csv").write_text(DEV)
    (folder / "task.json").write_text(json.dumps(TASK))
    checkpoint(folder / "model")
    return folder


def test_items_labels_duplicates_and_overlap_are_counted(people: Path) -> None:
    facts = zoo.check_task(people / "task.json").facts
    assert facts["train"] == SplitFacts(5, 0, 1, 2, 1, 0, {"good": 3, "bad": 2})
    assert facts["dev"] == SplitFacts(3, 0, 0, 0, 0, 1, {"good": 2, "new": 1})


def test_lengths_are_those_of_the_models_own_tokenizer(people: Path) -> None:
    found = zoo.check_task(people / "task.json", variant=f"{people / 'model'}+finetuning.max_length=8")
    # [CLS] and [SEP] around the words: 5, 5, 5, 2, 5 and 5, 5, 7 tokens
    assert found.lengths == {"train": Lengths(5, 5, 5, 5, 0), "dev": Lengths(3, 5, 7, 7, 0)}


def test_items_longer_than_is_read_are_counted(people: Path, tmp_path: Path) -> None:
    for split, n in (("train", 7), ("dev", 8)):
        (tmp_path / f"{split}.csv").write_text("text,label\n" + "the " * n + ",good\nthe,bad\n")
    (tmp_path / "task.json").write_text(json.dumps(TASK))
    found = zoo.check_task(tmp_path / "task.json", variant=f"{people / 'model'}+finetuning.max_length=9")
    assert {split: its.too_long for split, its in found.lengths.items()} == {"train": 0, "dev": 1}
    assert "dev: 1 of 2 items are longer than is read" in found.render()


def test_the_command_says_what_to_look_at_and_what_comes_next(
    people: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(people)
    assert type_("zoo", "task", "check", "task.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "dev: 1 of 3 items are in train as well" in lines
    assert "dev: new is a label of no item of train" in lines
    assert "train: 1 items have the texts of an earlier item and another label" in lines
    assert "train: 1 items have an empty text" in lines
    assert lines[-2:] == [
        "next: zoo task check task.json --variant bert-tiny",
        "      zoo compare --tasks task.json",
    ]


def test_the_answer_in_json_is_alone(
    people: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(people)
    assert type_("zoo", "task", "check", "task.json", "--json") == 0
    items = json.loads(capsys.readouterr().out)["sections"][0]["tables"][0]
    assert items["rows"][1] == ["dev", "3", "0", "0", "0", "1"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "train.csv").write_text("text,label\nso,goood\n"), "train.csv:2: 'goood' is not"),
        (lambda folder: (folder / "task.json").write_text('{"name": 1,'), "task.json: not valid JSON"),
        (lambda folder: (folder / "task.json").unlink(), "task.json: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    damage: Callable[[Path], object],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "train.csv").write_text(TRAIN)
    (tmp_path / "dev.csv").write_text(DEV)
    (tmp_path / "task.json").write_text(json.dumps(TASK))
    damage(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert type_("zoo", "task", "check", "task.json") == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and said in err


def test_the_first_word_alone_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert type_("zoo", "task") == 0
    assert "check" in capsys.readouterr().out
