"""Steps of pre-training and fine-tuning, and encoding, each beside transformers at its plain and its best setting.

    pytest benchmarks/bench_rows.py --benchmark-columns=median,iqr,rounds
    pytest benchmarks/bench_rows.py --device cuda --benchmark-json=rows.json
    pytest benchmarks/bench_rows.py -k "encode and text"

The rows of `python -m benchmarks.gpu_check --parts speed`. A round is four steps, or a pass over all texts. In the
table of a row the smallest figure has (1.0) beside it, and others say how many times as much they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks.rows import compute_for, names_of_runs, rows_for, runs
from zoo.machine.compute import Compute, synchronize
from zoo.machine.memory import peak_memory, reset_peak_memory

pytestmark = pytest.mark.filterwarnings("default")  # warnings of the peer are not ours to mend


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    device = metafunc.config.getoption("--device")
    rows = rows_for(device, tiny=metafunc.config.getoption("--tiny"))
    metafunc.parametrize(("name", "who"), [(row.name, who) for row in rows for who in names_of_runs(row, device)])


@pytest.fixture(scope="module")
def compute(pytestconfig: pytest.Config) -> Compute:
    made = compute_for(pytestconfig.getoption("--device"), fast=pytestconfig.getoption("--fast"))
    made.begin()
    return made


def test_row(benchmark: Any, name: str, who: str, compute: Compute, pytestconfig: pytest.Config) -> None:
    tiny, device = pytestconfig.getoption("--tiny"), compute.torch_device
    row = next(row for row in rows_for(compute.device, tiny=tiny) if row.name == name)
    run = next(run for run in runs(row, compute, warm=1 if device.type == "cpu" else 6) if run.who == who)
    n = 1 if row.encoded or tiny else 4
    steps = run.steps()
    next(steps)
    reset_peak_memory(device)
    benchmark.group = row.name
    benchmark.pedantic(take, (steps, n, device), rounds=2 if tiny else 3, warmup_rounds=1 + (run.warm - 1) // n)
    if benchmark.stats:  # unless measuring is switched off
        benchmark.extra_info["tokens_per_s"] = round(n * run.tokens / benchmark.stats.stats.median)
        benchmark.extra_info["steps per round"] = n
    if device.type == "cuda":
        benchmark.extra_info["peak_GiB"] = peak_memory(device) / 2**30
        torch.cuda.empty_cache()


def take(steps: Iterator[None], n: int, device: torch.device) -> None:
    """So many steps, until the device has done them."""
    for _ in range(n):
        next(steps)
    synchronize(device)
