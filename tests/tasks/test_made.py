"""Data that are made once, and handed to workers."""

from __future__ import annotations

import pytest

from zoo.tasks import made
from zoo.tasks.starter import ROLES
from zoo.tasks.task import Dataset


def test_a_process_makes_a_tasks_data_once_and_a_worker_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "_made", {})
    task, calls = ROLES.model_copy(update={"n_train": 5, "n_dev": 5}), []
    made.made_once(task, lambda: calls.append(1) or Dataset({}, "first"))
    assert task.load(None).content_hash == "first" and calls == [1]
    given = made.made_here()
    monkeypatch.setattr(made, "_made", {})
    made.take(given)
    assert task.load(None).content_hash == "first"
    assert task.model_copy(update={"seed": 1}).load(None).content_hash != "first"
