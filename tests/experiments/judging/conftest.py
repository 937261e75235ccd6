"""Files of predictions, written where a test works."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

GENERATOR = np.random.default_rng(5)


WORDS = ("no", "yes")


GOLD = GENERATOR.integers(0, 2, 120).tolist()


def noisy(gold: Sequence[int], share: float, n_classes: int = 2) -> list[int]:
    """Gold labels, some replaced by others."""
    return [int(GENERATOR.integers(0, n_classes)) if GENERATOR.random() < share else value for value in gold]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(path: str, lines: Sequence[object]) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(f"{line}\n" for line in lines))
    return path


def jsonl(path: str, rows: Sequence[Any]) -> str:
    return written(path, [json.dumps(row) for row in rows])


def words(ids: Sequence[int]) -> list[str]:
    return [WORDS[index] for index in ids]
