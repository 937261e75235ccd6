"""Whatever a message quotes, it is one line of bounded length that a terminal shows and does not obey."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from zoo.core.errors import LONGEST, RunFailed, UnknownName, ZooError, listed, nearest, shortened, visible
from zoo.core.files import open_regular, read_regular

STEERING = [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u2028\u2029\u202a\u202e\u2066\u2069", "\ud800"]


def test_what_would_steer_a_terminal_is_spelled_out_and_all_else_kept() -> None:
    assert all(visible(character).isascii() and visible(character).isprintable() for character in STEERING)
    assert visible("\x1b[31m") == r"\x1b[31m" and visible("\u202e") == r"\u202e"
    kept = "naïve 你好 नमस्ते \u200d\u200c 👩\u200d🚀 \\ '\""  # joiners are part of how words and pictures are written
    assert visible(kept) == kept


@pytest.mark.parametrize("kind", [ZooError, RunFailed])
def test_every_message_is_one_bounded_line(kind: type[ZooError]) -> None:
    assert str(kind("a\n\tb  \x1b]0;x\x07")) == r"a b \x1b]0;x\x07"
    message = str(kind("begin " + "\x1b" * 10**6 + " end"))
    assert len(message) == LONGEST and message.startswith("begin") and message.endswith("end")


def test_an_unknown_name_of_any_length_is_told_soon() -> None:
    known = [f"name{n}" * 9 for n in range(20_000)]
    began = time.process_time()
    message = str(UnknownName("part", "name7" * 200_000, known))
    assert time.process_time() - began < 2 and len(message) <= LONGEST
    assert "did you mean 'bert'" in str(UnknownName("part", "brat", ["bert", "x" * 10**6]))
    assert "did you mean 'bert-large-uncased'" in str(
        UnknownName("variant", "bert-large", ["bert-large-uncased", "roberta-large"])
    )


def test_lists_and_texts_are_cut() -> None:
    assert listed(["a", "b"]) == "a, b" and listed(list("abc"), most=2) == "a, b and 1 more"
    assert shortened("abc", 3) == "abc" and len(shortened("x" * 100, 40)) == 40
    assert nearest("x" * 1_000, ["x" * 1_000]) is None


def test_only_regular_files_are_opened_and_no_larger_than_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    assert read_regular(tmp_path / "link", 5) == b"12345"
    for name, message in (("pipe", "a pipe or a device"), ("device", "a pipe or a device"), (".", "Is a directory"),
                          ("none", "No such file"), ("a\0b", "null")):  # fmt: skip
        with pytest.raises(ZooError, match=message):
            open_regular(tmp_path / name)
    with pytest.raises(ZooError, match="5 bytes are more than the 4"):
        read_regular(tmp_path / "file", 4)


def test_a_name_of_a_plugin_that_is_not_there_asks_for_the_plugin() -> None:
    assert "Is plugin 'acme' installed?" in str(UnknownName("encoder", "acme.stack", ["bert.stack"]))
    assert "installed" not in str(UnknownName("encoder", "bert.stak", ["bert.stack"]))
    assert "installed" not in str(UnknownName("encoder", "stack", ["bert.stack"]))
