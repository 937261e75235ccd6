from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo.core.errors import ZooError
from zoo.tasks.rows import header, picked, read_csv, read_objects, read_tsv

Reader = Callable[[Path], Iterator[tuple[int, Any]]]


def rows(reader: Reader, path: Path, content: bytes) -> list[tuple[int, Any]]:
    path.write_bytes(content)
    return list(reader(path))


def complaint(reader: Reader, path: Path, content: bytes) -> str:
    with pytest.raises(ZooError) as caught:
        rows(reader, path, content)
    return str(caught.value).removeprefix(f"{path}:")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows"


def test_a_cell_of_csv_may_hold_commas_line_ends_and_quotes_and_rows_say_where_they_begin(file: Path) -> None:
    content = b'\xef\xbb\xbfa,b\r\n"one, two","say ""no"""\r\n\r\n"first\r\nsecond",\r\nso "so,last'
    assert rows(read_csv, file, content) == [
        (1, ["a", "b"]),
        (2, ["one, two", 'say "no"']),
        (4, ["first\nsecond", ""]),
        (6, ['so "so', "last"]),
    ]


def test_what_the_csv_module_writes_is_read_as_it_was(file: Path) -> None:
    draw = random.Random(0)
    written = [["".join(draw.choices('ab ,"\n\t\u2028é', k=draw.randrange(1, 9))) for _ in "123"] for _ in range(200)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(written)
    assert [cells for _, cells in rows(read_csv, file, text.getvalue().encode())] == written


def test_a_text_may_be_longer_than_the_csv_modules_limit(file: Path) -> None:
    assert rows(read_csv, file, b'"' + b"a" * 200_000 + b'"')[0][1] == ["a" * 200_000]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'a,b\n1,"2\n3,4\n', "2: a quote opens in this row and is never closed"),
        (b'a,b\n1,"2" or 3\n', "2: text follows a closing quote"),
        (b'a,b\n"x\ny","2" or 3\n', "2: text follows a closing quote"),
        (b"a,b\n1,na\xefve\n", "2: byte 5 of the line, 0xef, is not UTF-8"),
        (b"a,b\n1,\0\n", "2: a NUL at character 3"),
    ],
)
def test_a_broken_csv_file_is_refused_with_the_line_of_the_row(file: Path, content: bytes, said: str) -> None:
    assert complaint(read_csv, file, content).startswith(said)


def test_quotes_mean_nothing_between_tabs(file: Path) -> None:
    assert rows(read_tsv, file, b'a\tb\n\n"one\ttwo, three\n') == [(1, ["a", "b"]), (3, ['"one', "two, three"])]


def test_each_line_of_jsonl_is_an_object(file: Path) -> None:
    content = b'{"a": [1, "\xc3\xa9"]}\n\n  \n{"a": null, "b": {"c": 0.5}}'
    assert rows(read_objects, file, content) == [(1, {"a": [1, "é"]}), (4, {"a": None, "b": {"c": 0.5}})]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1}\n{"a": 1,}\n', "2: not valid JSON: "),
        (b'{"a": 1}\n[1]\n', "2: should hold a JSON object, not a list"),
        (b'{"a": NaN}\n', "1: not valid JSON: NaN is no JSON number"),
        (b'{"a": 1, "a": 2}\n', "1: not valid JSON: 'a' is given twice"),
        (b"[\n", "1: not valid JSON: "),
    ],
)
def test_a_line_that_is_no_json_object_is_refused_with_its_number(file: Path, content: bytes, said: str) -> None:
    assert complaint(read_objects, file, content).startswith(said)


def test_the_place_within_a_line_of_jsonl_is_told(file: Path) -> None:
    with pytest.raises(json.JSONDecodeError) as theirs:
        json.loads('{"a": 1 2}')
    assert complaint(read_objects, file, b'{}\n{"a": 1 2}').endswith(f", character {theirs.value.colno} (char 8)")


def test_columns_are_picked_by_name_in_the_order_wanted(file: Path) -> None:
    file.write_bytes(b"a\tb \tc\n1\t 2\t3\n")
    lines = read_tsv(file)
    assert list(picked(file, lines, header(file, lines), ["c", "b"])) == [(2, ["3", "2"])]


@pytest.mark.parametrize(
    ("content", "wanted", "said"),
    [
        (
            b"text\tlable\na\tb\n",
            ["text", "label"],
            "1: has no column 'label'; did you mean 'lable'? It has text, lable",
        ),
        (b"text\tx\na\tb\n", ["label"], "1: has no column 'label'; it has text, x"),
        (b"text\tx\na\tb\n\nc\n", ["x"], "4: has 1 of 2 columns: text, x"),
        (b"x\tx\na\tb\n", ["x"], "1: two columns are called 'x'"),
        (b"", ["x"], "1: is empty; its first line must name the columns"),
    ],
)
def test_columns_that_are_not_there_are_refused(file: Path, content: bytes, wanted: list[str], said: str) -> None:
    def pick(path: Path) -> Iterator[tuple[int, list[str]]]:
        lines = read_tsv(path)
        return picked(path, lines, header(path, lines), wanted)

    assert complaint(pick, file, content) == said
