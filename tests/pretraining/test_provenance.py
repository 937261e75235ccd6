"""A run records where it was made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo.pretraining.run
from zoo.machine.compute import Compute
from zoo.machine.environment import environment
from zoo.machine.memory import peak_memory


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Compute]:
    """Where the run says that it works, which the environment shows as a GPU."""
    asked: list[Compute] = []

    def placed(catalog: Any, compute: Compute) -> Any:
        asked.append(compute)
        return environment(catalog, compute).model_copy(update={"device": "cuda", "accelerator": "ACME 9000"})

    monkeypatch.setattr(zoo.pretraining.run, "environment", placed)
    monkeypatch.setattr(zoo.pretraining.run, "peak_memory", lambda device: 12_345)
    return asked


def test_result_and_checkpoints_record_where_the_run_worked(
    arguments: Callable[..., list[str]],
    zoo: Callable[[list[str]], int],
    tmp_path: Path,
    asked: list[Compute],
) -> None:
    folder = tmp_path / "run"
    assert zoo(arguments(folder, "--device", "cpu", steps=3)) == 0
    assert len(asked) >= 3 and set(asked) == {Compute(device="cpu", threads=1)}
    result = json.loads((folder / "result.json").read_text())
    told = json.loads((folder / "model" / "provenance.json").read_text())
    assert result["peak_bytes"] == 12_345
    for place in (result["environment"], told["environment"]):
        assert (place["device"], place["accelerator"]) == ("cuda", "ACME 9000")


def test_a_run_on_the_processor_says_so(
    arguments: Callable[..., list[str]], zoo: Callable[[list[str]], int], tmp_path: Path
) -> None:
    assert zoo(arguments(tmp_path / "run", "--device", "cpu", steps=3)) == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["environment"]["device"], result["environment"]["accelerator"]) == ("cpu", None)
    assert result["peak_bytes"] == pytest.approx(peak_memory(), rel=0.1)
