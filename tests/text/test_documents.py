from __future__ import annotations

import gzip
import json
import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from zoo.core.errors import ZooError
from zoo.text.documents import MAX_SENTENCES, read_documents


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def complaint(*paths: Path) -> str:
    with pytest.raises(ZooError) as caught:
        list(read_documents(paths))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_blank_line_ends_a_document(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\n\nOne. Two.\nThree.\n \t\n\nFour.\r\n\r\nFive")
    assert list(read_documents([path])) == [["One.", "Two.", "Three."], ["Four."], ["Five"]]


def test_a_file_without_blank_lines_is_one_document(tmp_path: Path) -> None:
    assert list(read_documents([write(tmp_path / "a.txt", "One.\nTwo.\n")])) == [["One.", "Two."]]


def test_a_file_is_text_whatever_its_name(tmp_path: Path) -> None:
    assert list(read_documents([write(tmp_path / "wiki.train.tokens", "One .\n")])) == [["One ."]]


def test_a_gzipped_file_is_the_same(tmp_path: Path) -> None:
    assert list(read_documents([write(tmp_path / "a.txt.gz", "One.\n\nTwo.\n")])) == [["One."], ["Two."]]


def test_files_keep_the_order_given_and_a_folder_is_sorted_and_read_once(tmp_path: Path) -> None:
    last = write(tmp_path / "z.txt", "Z.")
    for name in ("b.txt", "a.jsonl", "deep/c.txt.gz", "ignored.csv", "d.jsonl.gz"):
        write(tmp_path / "in" / name, json.dumps({"text": f"{name[0]}."}) if "jsonl" in name else f"{name[0]}.")
    folder = tmp_path / "in"
    assert list(read_documents([last, folder, folder / "b.txt"])) == [["Z."], ["a."], ["b."], ["d."], ["d."]]


def test_wikitexts_titles_begin_documents_and_headings_are_left_out(tmp_path: Path) -> None:
    text = (
        " \n = First = \n \n One . \n \n = = Part = = \n \n Two . \n \n = B = \n \n = = = Deep = = = \n \n Three . \n"
    )
    assert list(read_documents([write(tmp_path / "a.txt", text)])) == [["One .", "Two ."], ["Three ."]]


def test_a_formula_within_a_paragraph_of_wikitext_is_no_title(tmp_path: Path) -> None:
    text = " \n = First = \n \n One corresponds to \n = 1 s and k = \n 2 . \n"
    documents = list(read_documents([write(tmp_path / "a.txt", text)]))
    assert documents == [["One corresponds to", "2 ."]]


def test_json_lines_hold_a_document_each(tmp_path: Path) -> None:
    lines = [{"text": "One. Two.\n\nThree.", "id": 1}, {"text": ""}, {"text": "Vier\u2028f\xfcnf."}]
    path = write(tmp_path / "a.jsonl", "\n\n".join(json.dumps(line) for line in lines))
    assert list(read_documents([path])) == [["One.", "Two.", "Three."], ["Vier f\xfcnf."]]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "text",
        '["text"]',
        '"text"',
        "null",
        '{"body": "One."}',
        '{"text": 1}',
        '{"text": null}',
        r'{"text": "\ud800"}',
        '{"text": ' + "1" * 5_000 + "}",
        '{"text": ' + "[" * 100_000,
    ],
)
def test_a_line_that_is_no_json_object_with_a_text_is_named(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "One."}\n' + line + "\n")
    assert complaint(path).startswith(f'{path}:2: is not a JSON object with a string "text": ')
    assert len(complaint(path)) < len(str(path)) + 140


def test_a_byte_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"One.\nTw\xff.\n")
    assert f"{path}:2: byte 3 of the line, 0xff, is not UTF-8" in complaint(path)


def test_a_nul_and_a_broken_gzip_file_are_named(tmp_path: Path) -> None:
    assert "a.txt:1: a NUL at character 4" in complaint(write(tmp_path / "a.txt", "One\0."))
    broken = tmp_path / "b.txt.gz"
    broken.write_bytes(gzip.compress(b"One.")[:-5])
    assert "b.txt.gz: broken gzip file" in complaint(broken)


def test_a_missing_path_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there is no file or folder"):
        read_documents([tmp_path / "nowhere.txt"])


def test_a_folder_without_text_says_what_was_looked_for(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "One.")
    with pytest.raises(ZooError, match=r"holds no text; looked for files that end in \.txt, \.txt\.gz, \.jsonl"):
        read_documents([tmp_path])


def test_an_empty_corpus_is_an_error(tmp_path: Path) -> None:
    empty, blank = write(tmp_path / "a.txt", ""), write(tmp_path / "b.jsonl", '{"text": " "}\n')
    assert complaint(empty, blank) == f"there is no text in {empty}, {blank}"
    assert complaint() == "there is no text in no files at all"


def test_one_empty_file_among_others_is_none(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.txt", ""), write(tmp_path / "b.txt", "One.")]
    assert list(read_documents(paths)) == [["One."]]


def test_a_long_document_is_cut_and_loses_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "One two.\n" * (2 * MAX_SENTENCES + 5))
    assert [len(document) for document in read_documents([path])] == [MAX_SENTENCES, MAX_SENTENCES, 5]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(n_documents: int) -> int:
        path = write(tmp_path / f"{n_documents}.txt", ("One two three. Four.\n" * 50 + "\n") * n_documents)
        tracemalloc.start()
        assert sum(1 for _ in read_documents([path])) == n_documents
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak(400) < 2 * peak(20)


def test_the_real_corpora_have_their_known_articles(shared_data: Path) -> None:
    for name in ("valid", "test"):  # 60 articles each, says the paper (Merity et al. 2017, table 1)
        documents = list(read_documents([shared_data / "corpus" / f"wikitext2.{name}.txt"]))
        assert len(documents) == 60
        assert all(len(document) > 1 for document in documents)
    speeches = shared_data / "corpus" / "us_speeches_pd.txt"
    blocks = [block for block in speeches.read_text(encoding="utf-8").split("\n\n") if block.strip()]
    documents = list(read_documents([speeches]))
    assert len(documents) == len(blocks)
    assert [" ".join(document) for document in documents] == [" ".join(block.split()) for block in blocks]


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".txt.gz"])
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path, suffix: str) -> None:
    pipe = tmp_path / f"pipe{suffix}"
    os.mkfifo(pipe)
    assert complaint(pipe) == f"{pipe}: is a named pipe; text is read more than once, so give a file"
    assert "is a named pipe" in complaint(tmp_path)
    assert "is a named pipe" in complaint(tmp_path / f"*{suffix}")


def test_a_device_and_a_socket_are_refused(tmp_path: Path) -> None:
    assert "is a device" in complaint(Path("/dev/zero"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.txt"))
        assert "is a socket" in complaint(tmp_path / "s.txt")


def test_a_link_to_nothing_is_named_and_not_followed_for_ever(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
    for path in (tmp_path / "a.txt", tmp_path, tmp_path / "*.txt"):
        assert complaint(path) == f"{tmp_path / 'a.txt'}: No such file or directory; a file that can be read is needed"


@pytest.mark.parametrize("asked", ["a.txt", ".", "*.txt"])
def test_a_file_without_permission_to_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    path = write(tmp_path / "a.txt", "One.")

    def refuse(self: Path, *args: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    assert complaint(tmp_path / asked) == f"{path}: Permission denied; a file that can be read is needed"


def test_a_folder_without_permission_to_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "in" / "a.txt", "One.")

    def refuse(place: str) -> None:
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(os, "scandir", refuse)
    assert complaint(tmp_path) == f"{tmp_path}: Permission denied; a folder that can be read is needed"
