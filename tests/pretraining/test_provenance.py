"""A run tells where it was made: on the device of its team."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo.pretraining.run
import zoo.train.distributed
from zoo.machine.environment import environment, peak_memory
from zoo.train.distributed import Team

HERE = torch.device("cpu", 0)
"""The processor under another name, by which it is told from a default."""


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> list[torch.device | None]:
    """The devices that the run asks about, while its team works on HERE, which is told as a card."""
    asked: list[torch.device | None] = []

    @contextmanager
    def joined(device: torch.device) -> Iterator[Team]:
        yield Team(device=HERE)

    def placed(catalog: Any, threads: int | None = None, device: torch.device | None = None) -> Any:
        asked.append(device)
        return environment(catalog, threads).model_copy(update={"device": "cuda", "accelerator": "ACME 9000"})

    def needed(device: torch.device | None = None) -> int:
        asked.append(device)
        return 12_345

    monkeypatch.setattr(zoo.train.distributed, "joined", joined)
    monkeypatch.setattr(zoo.pretraining.run, "environment", placed)
    monkeypatch.setattr(zoo.pretraining.run, "peak_memory", needed)
    return asked


def test_result_and_checkpoints_name_the_device_of_the_team(
    arguments: Callable[..., list[str]],
    zoo: Callable[[list[str]], int],
    tmp_path: Path,
    devices: list[torch.device | None],
) -> None:
    folder = tmp_path / "run"
    assert zoo(arguments(folder, steps=3)) == 0
    assert len(devices) >= 3 and set(devices) == {HERE}
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
