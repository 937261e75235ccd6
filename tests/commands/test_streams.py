"""Standard output that lacks characters, is full, closed or read no further; and plugins that print."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.commands.streams import prepared, results

pytestmark = pytest.mark.slow

TEXT = 'café "你" \\ 😀 \udc80 \n\t'


def run(
    *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python; what it prints is read as Latin-1, which any bytes are."""
    return subprocess.run(
        [sys.executable, *arguments],
        stdout=stdout,
        stderr=stderr,
        encoding="latin-1",
        env={**os.environ, **environment},
        timeout=300,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "latin-1", "gbk"])
def test_json_is_right_and_text_is_printed_in_any_encoding(encoding: str) -> None:
    code = (
        "import json\nfrom zoo.commands.streams import prepared, results\n"
        f"with prepared(answer_alone=True):\n    print(json.dumps({TEXT!r}, ensure_ascii=False), file=results())\n"
        f"with prepared(answer_alone=False):\n    print({'café'!r})"
    )
    done = run("-c", code, PYTHONIOENCODING=encoding)
    answer, text = done.stdout.encode("latin-1").decode(encoding).splitlines()
    assert json.loads(answer) == TEXT and (done.returncode, done.stderr) == (0, "")
    assert text == ("caf\\u00e9" if encoding == "ascii" else "café")


@pytest.mark.parametrize("command", ["list variants", "list tasks --json", "show bert-tiny", "--help"])
def test_a_full_output_is_one_line_and_status_one(command: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = run("-m", "zoo", *command.split(), stdout=full)
    os.close(full)
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize(("command", "status"), [("list variants", 0), ("list tasks --json", 0), ("show brt-tiny", 2)])
def test_a_reader_that_leaves_changes_nothing(command: str, status: int) -> None:
    unread, pipe = os.pipe()
    os.close(unread)
    done = run("-m", "zoo", *command.split(), stdout=pipe)
    os.close(pipe)
    assert done.returncode == status
    assert done.stderr.count("\n") == (1 if status else 0)


def test_closed_streams_and_a_full_error_output_change_no_status() -> None:
    for redirection, command, status in ((">&-", "list", 0), (">&- 2>&-", "list", 0), ("2>/dev/full", "show no", 2)):
        line = f'"{sys.executable}" -m zoo {command} {redirection}'
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stderr) == (status, ""), redirection


def noisy(folder: Path) -> Path:
    """A plugin that prints when it is imported, when it is asked, and past Python."""
    code = "\n".join(
        (
            "import os, zoo",
            "print('noise at import')",
            "class Zoo:",
            "    @zoo.hookimpl",
            "    def zoo_offers(self):",
            "        print('noise in a hook')",
            "        os.write(1, b'noise past Python\\n')",
            "        return zoo.Offers(api_version=1)",
            "plugin = Zoo()",
        )
    )
    facts = folder / "noisy-0.1.dist-info"
    facts.mkdir(parents=True)
    (folder / "noisy.py").write_text(code)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 0.1\n")
    (facts / "entry_points.txt").write_text("[zoo]\nnoisy = noisy:plugin\n")
    return folder


def test_what_a_plugin_prints_is_no_part_of_the_answer(tmp_path: Path) -> None:
    path = str(noisy(tmp_path / "site"))
    done = run("-m", "zoo", "plugins", "--json", PYTHONPATH=path)
    assert done.returncode == 0
    assert {row["plugin"]: row["failed"] for row in json.loads(done.stdout)}["noisy"] is None
    assert all(f"noise {where}" in done.stderr for where in ("at import", "in a hook", "past Python"))
    table = run("-m", "zoo", "plugins", PYTHONPATH=path)
    assert "noise at import" not in table.stdout and "noise in a hook" not in table.stdout


def test_with_the_answer_alone_all_else_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with prepared(answer_alone=True):
        print("beside")
        print("answer", file=results())
        logging.getLogger("zoo").warning("logged")
    print("after")
    assert capsys.readouterr() == ("answer\nafter\n", "beside\nlogged\n")
