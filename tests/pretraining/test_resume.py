"""Runs that are killed, stopped or out of disk go on to the very same weights."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from zoo.pretraining.checkpoints import Checkpoints
from zoo.pretraining.log import read_log

Arguments = Callable[..., list[str]]
Zoo = Callable[[list[str]], int]
Start = Callable[[list[str]], ForkServerProcess]


def steps_of(folder: Path) -> list[int]:
    return [int(str(line["step"])) for line in read_log(folder) if line["event"] == "step"]


def losses(folder: Path) -> list[object]:
    return [line["loss"] for line in read_log(folder) if line["event"] == "step"]


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def waiting(process: ForkServerProcess) -> Iterator[None]:
    """Turns as long as the process lives."""
    while process.is_alive():
        process.join(0.002)
        yield


@pytest.mark.slow
def test_killed_at_ten_random_points_a_run_ends_with_the_same_bits(
    arguments: Arguments, zoo: Zoo, start: Start, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert zoo(arguments(whole, steps=120)) == 0
    chance = random.Random(4)
    n_kills = 0
    for point in sorted(chance.sample(range(1, 118), 10)):
        process = start(arguments(killed, "--checkpoint-every", "5", steps=120))
        for _ in waiting(process):
            if steps_of(killed)[-1:] >= [point]:
                process.join(chance.random() * 0.02)
                process.kill()
        process.join()
        n_kills += process.exitcode == -signal.SIGKILL
    assert n_kills == 10
    assert zoo(arguments(killed, "--checkpoint-every", "5", steps=120)) == 0
    assert weights(killed) == weights(whole)
    assert losses(killed) == losses(whole)
    assert steps_of(killed) == list(range(1, 121))
    assert (
        json.loads((killed / "result.json").read_text())["labels"]
        == json.loads((whole / "result.json").read_text())["labels"]
    )


def stopped(process: ForkServerProcess, folder: Path, number: signal.Signals) -> int | None:
    """Send a signal after three steps; the process's status."""
    for _ in waiting(process):
        if len(steps_of(folder)) >= 3:
            os.kill(process.pid or 0, number)
            break
    process.join()
    return process.exitcode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_checkpoint_first(
    arguments: Arguments, start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    process = start(arguments(tmp_path, "--checkpoint-every", "1000", steps=2_000))
    assert stopped(process, tmp_path, number) == 128 + number
    (newest,) = Checkpoints(tmp_path / "checkpoints", 2).found()
    assert newest.name == f"step-{steps_of(tmp_path)[-1]:010d}"


def test_a_full_disk_stops_the_run_and_leaves_the_last_checkpoint(
    arguments: Arguments, zoo: Zoo, start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = arguments(tmp_path, "--checkpoint-every", "10", "--keep", "1", steps=2_000)
    stopped(start(command), tmp_path, signal.SIGTERM)
    (kept,) = Checkpoints(tmp_path / "checkpoints", 1).found()
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before["optimizer.safetensors"]) - 1, limits[1]))
    try:
        status = zoo(command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 1
    assert "error: cannot write" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [kept.name]
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_read_is_passed_over_and_told(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert zoo(arguments(folder, "--checkpoint-every", "10", steps=30)) == 0
    before = weights(folder)
    newest, _ = Checkpoints(folder / "checkpoints", 2).found()
    path = newest / "optimizer.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert zoo(arguments(folder, "--checkpoint-every", "10", steps=30)) == 0
    told = capfd.readouterr().err
    assert f"warning: cannot load {path}" in told and "continuing after step 20" in told
    assert weights(folder) == before


def test_a_folder_with_another_run_is_left_alone(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert zoo(arguments(folder, steps=2)) == 0
    for more, message in (
        (("--seed", "7"), "holds another run: it differs in seed"),
        (("--set", "masking.rate=0.3"), "holds another run: it differs in masking.rate;"),
        (("--resume", "--seed", "7"), "holds another run: it differs in seed"),
    ):
        assert zoo(arguments(folder, *more, steps=2)) == 2
        assert message in capfd.readouterr().err
    assert zoo(arguments(tmp_path / "new", "--resume", steps=2)) == 2
    assert "there is no run in" in capfd.readouterr().err and not (tmp_path / "new").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    assert zoo(arguments(tmp_path / "other", steps=2)) == 2
    assert "is not empty and holds no run" in capfd.readouterr().err


@pytest.mark.slow
def test_in_bf16_with_lamb_and_two_lengths_a_run_stopped_in_either_length_ends_with_the_same_bits(
    arguments: Arguments, zoo: Zoo, tmp_path: Path
) -> None:
    lengths = ("--set", "pretraining.short_length=12", "--set", "pretraining.short_share=0.6")
    recipe = ("--precision", "bf16", "--set", "pretraining.optimizer=lamb", *lengths, "--checkpoint-every", "6")
    command = arguments(tmp_path, *recipe, "--keep", "9")
    assert zoo(command) == 0
    before = weights(tmp_path), losses(tmp_path)
    for last in (6, 18):  # of the short sequences, and where the long ones begin
        for place in Checkpoints(tmp_path / "checkpoints", 9).found():
            if int(place.name.removeprefix("step-")) > last:
                shutil.rmtree(place)
        assert zoo(command) == 0
        assert (weights(tmp_path), losses(tmp_path)) == before


def test_two_processes_do_not_work_in_one_folder(
    arguments: Arguments, zoo: Zoo, start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = arguments(tmp_path, steps=2_000)
    process = start(command)
    for _ in waiting(process):
        if steps_of(tmp_path):
            break
    assert zoo(command) == 2
    assert "another process is using" in capfd.readouterr().err
    assert stopped(process, tmp_path, signal.SIGTERM) == 128 + signal.SIGTERM


@pytest.mark.slow
def test_runs_on_the_same_text_may_begin_at_once(arguments: Arguments, start: Start, tmp_path: Path) -> None:
    processes = [start(arguments(tmp_path / name, steps=2)) for name in "abc"]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len({weights(tmp_path / name) for name in "abc"}) == 1
