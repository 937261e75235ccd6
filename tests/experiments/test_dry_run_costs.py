"""Dry runs: what was measured before is not measured again, and nothing else is taken for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.experiments.runner import estimate, measured_cost

CATALOG = zoo.Catalog.installed()
SMALL: dict[str, Any] = {
    "tasks": ["micro-sentiment"],
    "pretrain_tokens": 2_000,
    "finetune_steps": 2,
}


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The jobs that dry runs try from here on, with an empty cache on a machine that counts as quiet."""
    monkeypatch.setattr(measured_cost, "cache_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(measured_cost, "QUIET", 0.0)
    names, attempt = list[str](), estimate.attempt

    def noted(catalog: Any, plan: Any, job: Any, *more: Any) -> Any:
        names.append(job.name)
        return attempt(catalog, plan, job, *more)

    monkeypatch.setattr(estimate, "attempt", noted)
    return names


def test_costs_are_kept_for_other_seeds_and_measured_again_for_other_sizes(tried: list[str]) -> None:
    first = zoo.estimate(zoo.plan_comparison("bert-tiny", seeds=2, catalog=CATALOG, **SMALL), catalog=CATALOG)
    assert tried and first.kept_since is None
    tried.clear()
    more = zoo.estimate(zoo.plan_comparison("bert-tiny", seeds=3, catalog=CATALOG, **SMALL), catalog=CATALOG)
    assert not tried and more.kept_since is not None and more.memory_bytes == first.memory_bytes
    seconds = {work.job.name: work.seconds for work in more.work}
    assert all(seconds[work.job.name] == work.seconds for work in first.work)
    other = zoo.plan_comparison("bert-tiny+dims.ffn_width=64", seeds=2, catalog=CATALOG, **SMALL)
    assert zoo.estimate(other, catalog=CATALOG).work and any("bert-tiny" in name for name in tried)


def test_costs_of_a_busy_machine_old_ones_and_damaged_ones_are_not_used(
    tried: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = zoo.plan_comparison("bert-tiny", seeds=2, catalog=CATALOG, **SMALL)
    monkeypatch.setattr(measured_cost, "QUIET", float("inf"))
    zoo.estimate(plan, catalog=CATALOG)
    assert not (tmp_path / "costs").exists()
    monkeypatch.setattr(measured_cost, "QUIET", 0.0)
    zoo.estimate(plan, catalog=CATALOG)
    for path in (tmp_path / "costs").glob("*.json"):
        path.write_text("{")
    tried.clear()
    zoo.estimate(plan, catalog=CATALOG)
    assert tried
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + measured_cost.LONGEST + 1)
    tried.clear()
    zoo.estimate(plan, catalog=CATALOG)
    assert tried


def test_an_interrupted_dry_run_speaks_of_no_checkpoint(tried: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt("pretrain-bert-tiny-s0 has a checkpoint; continue with --resume")

    monkeypatch.setattr(estimate, "attempt", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        zoo.estimate(zoo.plan_comparison("bert-tiny", catalog=CATALOG, **SMALL), catalog=CATALOG)
