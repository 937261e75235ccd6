"""Fixtures of the tests of tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.record_task import CSV, TOML


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The file of a task whose data are there."""
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv").write_text(CSV)
    (tmp_path / "reviews.toml").write_text(TOML)
    return tmp_path / "reviews.toml"
