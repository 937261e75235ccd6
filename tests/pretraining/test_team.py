"""Several processes, or one in several micro-batches, make the run that one process makes at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.pretraining.log import read_log

pytestmark = pytest.mark.slow


Arguments = Callable[..., list[str]]
Zoo = Callable[[list[str]], int]
Team = Callable[..., str]

STEADY = ("--set", "dims.dropout=0.0", "--set", "dims.attention_dropout=0.0")


def curve(folder: Path) -> list[float]:
    lines = [line["loss"] for line in read_log(folder) if line["event"] == "step"]
    return [value for line in lines if isinstance(line, dict) for value in line.values() if isinstance(value, float)]


@pytest.fixture
def alone(arguments: Arguments, zoo: Zoo, tmp_path: Path) -> list[float]:
    assert zoo(arguments(tmp_path / "alone", *STEADY)) == 0
    return curve(tmp_path / "alone")


def test_accumulating_gradients_gives_the_same_curve(
    arguments: Arguments, zoo: Zoo, tmp_path: Path, alone: list[float]
) -> None:
    assert zoo(arguments(tmp_path / "micro", *STEADY, "--gradient-accumulation-steps", "3")) == 0
    assert curve(tmp_path / "micro") == pytest.approx(alone, abs=1e-5)


def test_two_processes_give_the_same_curve_and_one_goes_on_with_it(
    arguments: Arguments, team: Team, zoo: Zoo, tmp_path: Path, alone: list[float]
) -> None:
    folder = tmp_path / "sharded"
    team(arguments(folder, *STEADY, "--shard", "--checkpoint-every", "10"), 2)
    assert curve(folder) == pytest.approx(alone, abs=1e-5)
    for name in ("step-0000000030", "../model", "../result.json"):
        place = folder / "checkpoints" / name
        place.rename(tmp_path / name.removeprefix("../"))
    assert zoo(arguments(folder, *STEADY)) == 0
    assert curve(folder) == pytest.approx(alone, abs=1e-5)
    assert len(curve(folder)) == len(alone)


def test_two_processes_do_what_one_does_in_two_micro_batches_dropout_and_all(
    arguments: Arguments, torchrun: Callable[[list[str], int], None], zoo: Zoo, tmp_path: Path
) -> None:
    assert zoo(arguments(tmp_path / "micro", "--gradient-accumulation-steps", "2")) == 0
    torchrun(arguments(tmp_path / "two"), 2)
    assert curve(tmp_path / "two") == pytest.approx(curve(tmp_path / "micro"), abs=1e-5)


def test_where_one_process_refuses_the_others_end_with_a_line(arguments: Arguments, team: Team, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("A text. Another. A third.\n")
    command = [str(tmp_path / "one.txt") if word.endswith("text.txt") else word for word in arguments(tmp_path / "run")]
    err = team(command, 2, status=2)
    assert "error: the corpus has 1 documents, too few to hold 2 out" in err
    assert "error: another process of the run has ended; its message says why" in err
    assert "[rank" not in err and not (tmp_path / "run").exists()
