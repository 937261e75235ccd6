"""A disk that is full or may not be written to ends a command with status 1 and one line; what was there stays."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import zoo
from zoo.core.errors import RunFailed, ZooError
from zoo.tasks.kinds import make_head

Run = Callable[..., tuple[int, str, str]]

COMMANDS: dict[str, tuple[str, ...]] = {
    "convert": ("convert", "MODEL", "DISK/out", "--replace"),
    "convert to the zoo's own": ("convert", "MODEL", "DISK/out", "--replace", "--to", "zoo"),
    "encode": ("encode", "MODEL", "--text", "TEXTS", "--pool", "none", "--out", "DISK/out.safetensors"),
    "predict": ("predict", "TAGGER", "TEXTS", "--out", "DISK/out.tsv"),
}


@pytest.fixture
def words(trained: Path, tmp_path: Path) -> dict[str, str]:
    """What the words of the commands stand for: a model, one with tags, and enough text to fill the disk."""
    model = zoo.load(trained)
    config = zoo.core.specs.HeadConfig(kind="token-classification", labels=("O", "N"))
    head = make_head(model.variant.dims, config)
    zoo.save(model.with_head("task", head), tmp_path / "tagger")
    (tmp_path / "texts.txt").write_text("the cat sat on the mat in the park\n" * 500)
    return {"MODEL": str(trained), "TAGGER": str(tmp_path / "tagger"), "TEXTS": str(tmp_path / "texts.txt")}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, with room for very little."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs to mount a small disk, which only root may")
    yield place
    subprocess.run(["umount", place], check=True)


def typed(command: str, words: dict[str, str], disk: Path) -> list[str]:
    return [words.get(word, word.replace("DISK", str(disk))) for word in COMMANDS[command]]


def older(disk: Path) -> dict[Path, bytes]:
    """What lies in the place of every output."""
    (disk / "out").mkdir()
    files = (disk / "out" / "thesis.tex", disk / "out.safetensors", disk / "out.tsv")
    for file in files:
        file.write_text("years of work")
    return contents(disk)


def contents(disk: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()}


def assert_refused(run: Run, line: list[str], reason: str, disk: Path, before: dict[Path, bytes]) -> None:
    status, out, err = run(*line)
    assert (status, out) == (1, ""), err
    assert err.startswith("error: cannot write ") and reason in err and err.count("\n") == 1
    assert contents(disk) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(command: str, words: dict[str, str], disk: Path, run: Run) -> None:
    assert_refused(run, typed(command, words, disk), "No space left on device", disk, older(disk))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_may_not_be_written_to(command: str, words: dict[str, str], disk: Path, run: Run) -> None:
    before = older(disk)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert_refused(run, typed(command, words, disk), "Read-only file system", disk, before)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_may_grow_no_more(command: str, words: dict[str, str], tmp_path: Path, run: Run) -> None:
    (tmp_path / "disk").mkdir()
    before = older(tmp_path / "disk")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        assert_refused(run, typed(command, words, tmp_path / "disk"), "File too large", tmp_path / "disk", before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_below_a_file(command: str, words: dict[str, str], tmp_path: Path, run: Run) -> None:
    (tmp_path / "letter").write_text("dear")
    line = typed(command, words, tmp_path / "letter")
    assert_refused(run, line, "Not a directory", tmp_path / "letter", {})


def test_saving_from_python_says_the_same(trained: Path, disk: Path) -> None:
    before = older(disk)
    with pytest.raises(RunFailed, match=r"cannot write .*out: .*No space left on device"):
        zoo.save(zoo.load(trained), disk / "out", replace=True)
    assert contents(disk) == before


def test_vectors_do_not_take_the_place_of_a_folder(words: dict[str, str], tmp_path: Path, run: Run) -> None:
    status, _, err = run("encode", words["MODEL"], "--text", words["TEXTS"], "--out", tmp_path)
    assert status == 2 and err == f"error: {tmp_path} is a folder; give the name of a file\n"


def test_a_folder_that_cannot_be_put_in_place_leaves_the_older_one(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo.save(zoo.load(trained), tmp_path / "out")
    before = contents(tmp_path / "out")
    replace = os.replace

    def refuse(source: Path, target: Path) -> None:
        if source.name.endswith(".part") and not source.name.endswith(".old.part"):
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(RunFailed, match="Input/output error"):
        zoo.save(zoo.load(trained), tmp_path / "out", replace=True)
    assert contents(tmp_path / "out") == before
    assert {path.name for path in tmp_path.iterdir()} == {"bert-tiny", "out"}
    monkeypatch.undo()
    zoo.save(zoo.load(trained), tmp_path / "out", replace=True)
    assert set(load_file(tmp_path / "out" / "model.safetensors"))


def test_what_can_be_no_format_and_no_type_of_weights_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="written as 'hf' or 'zoo', not as 'onnx'"):
        zoo.save(zoo.load(trained), tmp_path / "out", to="onnx")  # type: ignore[arg-type]
    with pytest.raises(ZooError, match=r"weights are floats and cannot be read as torch\.int32"):
        zoo.load(trained, dtype=torch.int32)
    assert not (tmp_path / "out").exists()
