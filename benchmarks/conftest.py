"""Options of `pytest benchmarks/bench_*.py`, and what its JSON says of the machine."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rows of the benchmarks")
    group.addoption("--device", default="cpu", help="auto, cpu, cuda or cuda:N")
    group.addoption("--tiny", action="store_true", help="rows small enough to see whether all runs")
    group.addoption("--fast", action="store_true", help="also algorithms that do not repeat bit for bit")


def pytest_configure(config: pytest.Config) -> None:
    """Without processes beside each other, which the options of the tests prepare, times are measured."""
    if not config.getoption("numprocesses", None):
        config.option.dist = "no"
    if (device := config.getoption("--device")) != "cpu":
        from zoo import ZooError
        from zoo.machine.compute import chosen_device

        try:
            config.option.device = chosen_device(device)
        except ZooError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """What the figures depend on, and not what the machine is called."""
    from benchmarks.rows import compute_for, machine

    machine_info.pop("node", None)
    machine_info |= machine(compute_for(config.getoption("--device"), fast=config.getoption("--fast")))
