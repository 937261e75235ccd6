from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from zoo.core.errors import ZooError
from zoo.tasks.task import Example
from zoo.tasks.tsv import TsvFile, TsvTask

HEADED = TsvFile(path="T/train.tsv", first="text", label="label")
HEADLESS = TsvFile(path="T/dev.tsv", columns=("label", "text"), first="text", label="label")
UNLABELLED = TsvFile(path="T/test.tsv", first="text", optional=True)
Write = Callable[..., Path]


def task(**fields: Any) -> TsvTask:
    given: dict[str, Any] = {
        "name": "toy",
        "suite": "own",
        "kind": "classification",
        "pair": False,
        "labels": ("bad", "good"),
        "metrics": ("accuracy",),
        "files": {"train": HEADED, "dev": HEADLESS, "test": UNLABELLED},
        "citation": "nobody",
    }
    return TsvTask(**given | fields)


def rating(**fields: Any) -> TsvTask:
    table = TsvFile(path="T/train.tsv", first="text", label="label")
    return task(kind="regression", labels=(), metrics=("pearson",), files={"train": table}, **fields)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the toy task's files, any of which may be given other bytes, and return their root."""

    def files(
        train: bytes = b"text\tlabel\nfine\tgood\npoor\tbad\n",
        dev: bytes = b"good\tlovely\n",
        test: bytes | None = None,
    ) -> Path:
        (tmp_path / "T").mkdir()
        for name, content in (("train", train), ("dev", dev), ("test", test)):
            if content is not None:
                (tmp_path / "T" / f"{name}.tsv").write_bytes(content)
        return tmp_path

    return files


def complaint(of: TsvTask, folder: Path | None) -> str:
    with pytest.raises(ZooError) as caught:
        of.load(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_columns_are_found_by_name_and_labels_become_class_ids(write: Write) -> None:
    splits = task().load(write()).splits
    assert splits == {
        "train": (Example("fine", None, 1), Example("poor", None, 0)),
        "dev": (Example("lovely", None, 1),),
    }


def test_an_optional_split_is_read_when_it_is_there(write: Write) -> None:
    assert task().load(write(test=b"index\ttext\n0\twhat\n")).splits["test"] == (Example("what", None, None),)


def test_both_texts_of_a_pair_are_read(write: Write) -> None:
    table = TsvFile(path="T/train.tsv", first="b", second="a", label="label")
    folder = write(b"a\tlabel\tb\nleft\tgood\tright\nup\tbad\tdown\n")
    items = task(pair=True, files={"train": table}).load(folder).splits["train"]
    assert items == (Example("right", "left", 1), Example("down", "up", 0))


def test_another_place_for_the_same_file_is_tried(write: Write) -> None:
    table = TsvFile(path="elsewhere.tsv", also=("T/train.tsv",), first="text", label="label")
    assert len(task(files={"train": table}).load(write()).splits["train"]) == 2


def test_a_quote_inside_a_field_does_not_swallow_rows(write: Write) -> None:
    folder = write(b'text\tlabel\n"fine\tgood\nso "so\tbad\n"\tgood\n')
    assert [item.first for item in task().load(folder).splits["train"]] == ['"fine', 'so "so', '"']


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_no_text(write: Write) -> None:
    folder = write(b"\xef\xbb\xbftext\tlabel\r\n\r\nfine \tgood\r\npoor\tbad\r\n\r\n")
    items = task().load(folder).splits["train"]
    assert items == (Example("fine", None, 1), Example("poor", None, 0))


def test_a_last_line_without_an_end_counts(write: Write) -> None:
    assert len(task().load(write(b"text\tlabel\nfine\tgood\npoor\tbad")).splits["train"]) == 2


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e", "\r", "\x08", "\x12"])
def test_only_a_newline_ends_a_line_and_odd_characters_stay(write: Write, inside: str) -> None:
    text = f"one{inside}two"
    folder = write(f"text\tlabel\n{text}\tgood\npoor\tbad\n".encode())
    assert [item.first for item in task().load(folder).splits["train"]] == [text, "poor"]


def test_a_field_may_be_longer_than_the_csv_modules_limit(write: Write) -> None:
    text = "a" * 200_000
    assert task().load(write(f"text\tlabel\n{text}\tgood\npoor\tbad\n".encode())).splits["train"][0].first == text


def test_a_gzipped_table_is_read(write: Write) -> None:
    folder = write()
    (folder / "T" / "train.tsv.gz").write_bytes(gzip.compress((folder / "T" / "train.tsv").read_bytes()))
    zipped = task(files={"train": TsvFile(path="T/train.tsv.gz", first="text", label="label")})
    assert zipped.load(folder).splits["train"] == task().load(folder).splits["train"]


def test_scores_are_floats(write: Write) -> None:
    folder = write(b"text\tlabel\nfine\t5.000\npoor\t0\n")
    items = rating(score_range=(0.0, 5.0)).load(folder).splits["train"]
    assert [item.label for item in items] == [5.0, 0.0]
    assert all(type(item.label) is float for item in items)


def test_an_empty_text_is_an_item_and_is_told(write: Write) -> None:
    data = task().load(write(b"text\tlabel\n \tgood\npoor\tbad\n"))
    assert data.splits["train"][0] == Example("", None, 1)
    assert data.notes == ("T/train.tsv: 1 items have an empty text",)


def test_lines_of_other_widths_are_counted_where_the_record_says_so(write: Write) -> None:
    folder = write(b"text\tlabel\nfine\tgood\nbroken\noff\n\tgood\textra\npoor\tbad\n")
    tolerant = task(files={"train": HEADED.model_copy(update={"skip_malformed": True})})
    data = tolerant.load(folder)
    assert [item.first for item in data.splits["train"]] == ["fine", "poor"]
    assert data.notes == ("T/train.tsv: left out 3 lines that do not have 2 columns",)


def test_the_hash_is_of_the_content_and_not_of_the_bytes(write: Write) -> None:
    folder = write()
    before = task().load(folder).content_hash
    path = folder / "T" / "train.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert task().load(folder).content_hash == before
    path.write_bytes(b"text\tlabel\nFine\tgood\npoor\tbad\n")
    assert task().load(folder).content_hash != before


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (b"text\tlabel\nfine\tgood\npoor\n", "train.tsv:3: has 1 of 2 columns: text, label"),
        (b"text\tlabel\nfine\tgood\tmore\n", "train.tsv:2: has 3 of 2 columns: text, label"),
        (b"text\tlabel\nfine\tgoood\n", "train.tsv:2: 'goood' is not a label; did you mean 'good'? Known: bad, good"),
        (b"text\tlabel\nfine\t\n", "'' is not a label"),
        (b"text\tlabel\n\nfine\tgood\nna\xefve\tbad\n", "train.tsv:4: byte 3 of the line, 0xef, is not UTF-8"),
        (b"\xef\xbb\xbftext\tlab\xffel\n", "train.tsv:1: byte 9 of the line, 0xff, is not UTF-8"),
        ("text\tlabel\n".encode("utf-16"), "train.tsv:1: byte 1 of the line, 0xff, is not UTF-8"),
        (b"text\tlabel\nfi\0ne\tgood\n", "train.tsv:2: a NUL at character 3"),
        (b"", "train.tsv:1: must be a header that names the columns text, label; it reads ''"),
        (b"text\tlabel\n", "train.tsv holds no items"),
        (
            b"fine\tgood\npoor\tbad\n",
            "train.tsv:1: must be a header that names the columns text, label; it reads 'fine",
        ),
        (b"text,label\nfine,good\n", "train.tsv:1: must be a header"),
        (b"text\tlabel\nfine\tgood\nnice\tgood\n", "train.tsv: all 2 items have the same label"),
    ],
)
def test_a_malformed_table_is_refused_with_its_place(write: Write, train: bytes, said: str) -> None:
    folder = write(train)
    assert said.format(path=folder / "T" / "train.tsv") in complaint(task(), folder)


def test_a_header_in_a_file_that_should_have_none_is_refused(write: Write) -> None:
    assert "dev.tsv:1: is a header" in complaint(task(), write(dev=b"label\ttext\ngood\tlovely\n"))


def test_a_table_with_nothing_but_broken_lines_says_so(write: Write) -> None:
    tolerant = task(files={"train": HEADED.model_copy(update={"skip_malformed": True})})
    assert "train.tsv holds no items: none of its 2 lines has 2 columns" in complaint(
        tolerant, write(b"text\tlabel\nfine\npoor\n")
    )


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "high", "", "5.1", "-0.1", "1,5"])
def test_a_score_that_is_none_is_refused(write: Write, cell: str) -> None:
    folder = write(f"text\tlabel\nfine\t{cell}\n".encode())
    said = complaint(rating(score_range=(0.0, 5.0)), folder)
    place = f"{folder / 'T' / 'train.tsv'}:2: the score {cell} is not a "
    assert said.replace(repr(cell), cell) in (f"{place}number from 0 to 5", f"{place}finite number")


def test_without_a_range_any_finite_score_will_do(write: Write) -> None:
    folder = write(b"text\tlabel\nfine\t-1e300\npoor\t1\n")
    assert rating().load(folder).splits["train"][0].label == -1e300
    (folder / "T" / "train.tsv").write_bytes(b"text\tlabel\nfine\t1e400\n")
    assert "the score '1e400' is not a finite number" in complaint(rating(), folder)


def test_a_missing_file_is_named_with_the_layout_that_is_expected(write: Write) -> None:
    folder = write()
    (folder / "T" / "dev.tsv").unlink()
    said = complaint(task(), folder)
    assert said == (
        f"{folder} has no file T/dev.tsv; task 'toy' looks there for T/train.tsv, T/dev.tsv, T/test.tsv (optional)"
    )


def test_the_folder_of_the_files_itself_may_be_given(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write()
    assert task().load(folder / "T") == task().load(folder)
    monkeypatch.chdir(folder / "T")
    assert task().load(Path()) == task().load(folder)
    (folder / "T").rename(folder / "mine")
    assert "; train.tsv is read from a folder that is called T" in complaint(task(), folder / "mine")


def test_a_missing_folder_and_none_at_all_are_told_apart(tmp_path: Path) -> None:
    assert "there is no folder" in complaint(task(), tmp_path / "nowhere")
    assert "give the folder (--data DIR) that holds T/train.tsv" in complaint(task(), None)


def test_a_task_whose_files_are_all_optional_needs_one_of_them(tmp_path: Path) -> None:
    assert "has no file of task 'toy'" in complaint(task(files={"test": UNLABELLED}), tmp_path)


def test_a_broken_gzip_file_is_named(write: Write) -> None:
    folder = write()
    path = folder / "T" / "train.tsv.gz"
    zipped = task(files={"train": TsvFile(path="T/train.tsv.gz", first="text", label="label")})
    for content in (b"not gzip", gzip.compress(b"text\tlabel\n")[:-9]):
        path.write_bytes(content)
        assert f"{path}: broken gzip file" in complaint(zipped, folder)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"labels": ()}, "a classification task needs two labels or more"),
        ({"kind": "regression"}, "a regression task has no labels"),
        ({"kind": "classificaton"}, "did you mean 'classification'"),
        ({"pair": True}, "file 'train': a task of pairs names a second column"),
        ({"files": {"dev": UNLABELLED}}, "file 'dev': a split to train or score on needs a label column"),
        ({"files": {"test": TsvFile(path="x", columns=("a",), first="b")}}, "file 'test': columns must hold b"),
    ],
)
def test_a_record_that_cannot_work_is_refused_when_it_is_made(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        task(**fields)


def test_a_record_survives_json() -> None:
    assert TsvTask.model_validate_json(task().model_dump_json()) == task()


def test_files_at_absolute_paths_need_no_folder(write: Write) -> None:
    root = write()
    files = {
        split: file.model_copy(update={"path": str(root / file.path)})
        for split, file in (("train", HEADED), ("dev", HEADLESS), ("test", UNLABELLED))
    }
    assert task(files=files).load(None) == task().load(root)
