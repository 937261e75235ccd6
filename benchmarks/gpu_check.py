"""Checks zoo on a GPU and measures it beside transformers, in ten minutes: one line of JSON per check and figure.

    python -m benchmarks.gpu_check                        # everything
    python -m benchmarks.gpu_check --parts checks         # equal to the CPU, repeats, resumes, never waits
    python -m benchmarks.gpu_check --parts speed --rows mlm-base-64x128 --who zoo transformers
    python -m benchmarks.gpu_check --device cpu --parts speed     # the rows at a CPU's sizes
    python -m benchmarks.gpu_check --tiny --device cpu    # whether the script runs

Weights and token ids are random: nothing is downloaded. The rows are those of benchmarks/rows.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.gpu_correctness import checks
from benchmarks.rows import WHO, Row, compute_for, machine, ours, rows_for, runs
from zoo import ZooError
from zoo.machine.compute import Compute, chosen_device, synchronize
from zoo.machine.memory import peak_memory, reset_peak_memory


def measured(steps: Iterator[None], device: torch.device, warm: int, n: int) -> dict[str, float]:
    """The median seconds of a step over three rounds of n, and the peak memory of all steps but the first."""
    began = time.perf_counter()
    next(steps)
    reset_peak_memory(device)
    for _ in range(warm):
        next(steps)
    synchronize(device)
    first = time.perf_counter() - began
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(n):
            next(steps)
        synchronize(device)
        seconds.append((time.perf_counter() - began) / n)
    spread = max(seconds) - min(seconds)
    return {"seconds": median(seconds), "spread": spread, "warm_up_s": first, "peak": peak_memory(device)}


def speed(rows: tuple[Row, ...], compute: Compute, who: tuple[str, ...], n: int, warm: int) -> Iterator[dict[str, Any]]:
    """Each row: zoo, zoo without graphs, and the peers. A pass over many texts counts as n steps."""
    device = compute.torch_device
    for row in rows:
        for run in runs(row, compute, warm):
            if run.who not in who:
                continue
            try:
                figures = measured(run.steps(), device, run.warm, 1 if row.encoded else n)
            except Exception as error:
                yield {"row": row.name, "who": run.who, "failed": f"{type(error).__name__}: {error}"[:600]}
                continue
            yield {
                "row": row.name, "who": run.who, "ms": 1e3 * figures["seconds"], "spread_ms": 1e3 * figures["spread"],
                "tokens_per_s": round(run.tokens / figures["seconds"]), "peak_GiB": figures["peak"] / 2**30,
                "warm_up_s": figures["warm_up_s"], "goal": row.goal,
            }  # fmt: skip
            if device.type == "cuda":
                torch.cuda.empty_cache()


def profiled(rows: tuple[Row, ...], compute: Compute, *, compiles: bool) -> Iterator[dict[str, Any]]:
    """Which kernels take the time of a step."""
    from torch.profiler import ProfilerActivity, profile

    for row in (row for row in rows if not row.encoded):
        steps = ours(row.work(), compute, compiles=compiles)
        for _ in range(20):
            next(steps)
        synchronize(compute.torch_device)
        with profile(activities=[ProfilerActivity.CUDA]) as seen:
            for _ in range(4):
                next(steps)
            synchronize(compute.torch_device)
        kernels = sorted(seen.key_averages(), key=lambda event: -event.self_device_time_total)[:16]
        for event in kernels:
            yield {
                "row": row.name,
                "ms": event.self_device_time_total / 4e3,
                "n": event.count / 4,
                "kernel": event.key[:110],
            }


def report(lines: Iterator[Mapping[str, Any]], out: Path | None) -> int:
    """Print each line as it comes, and write all of them; how many checks failed."""
    kept = []
    for line in lines:
        print(json.dumps(line), flush=True)
        kept.append(line)
        if out:
            out.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return sum(not line.get("ok", True) for line in kept)


def main() -> int:
    """0 if all checks passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--parts", nargs="+", choices=("checks", "speed", "profile"), default=["checks", "speed"])
    parser.add_argument("--rows", nargs="+", help="names of rows")
    parser.add_argument("--who", nargs="+", choices=WHO, default=list(WHO))
    parser.add_argument("--fast", action="store_true", help="also algorithms that do not repeat bit for bit")
    parser.add_argument("--tiny", action="store_true", help="small rows of few steps")
    parser.add_argument("--out", type=Path, help="a file for all lines as JSON")
    asked = parser.parse_args()
    try:
        asked.device = chosen_device(asked.device)
        compute = compute_for(asked.device, fast=asked.fast)
        compute.begin()
    except ZooError as error:
        parser.error(str(error))
    rows = rows_for(asked.device, tiny=asked.tiny)
    unknown = set(asked.rows or ()) - {row.name for row in rows}
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}; rows are {', '.join(row.name for row in rows)}")
    rows = tuple(row for row in rows if row.name in (asked.rows or [row.name]))

    def lines() -> Iterator[Mapping[str, Any]]:
        yield machine(compute)
        if "checks" in asked.parts:
            yield from checks(asked.device, 1 if asked.tiny else None)
        if "speed" in asked.parts:
            yield from speed(rows, compute, tuple(asked.who), *((2, 1) if asked.tiny else (16, 6)))

        if "profile" in asked.parts:
            yield from profiled(rows, compute, compiles="zoo-compiled" in asked.who)

    return 1 if report(lines(), asked.out) else 0


if __name__ == "__main__" and main():
    sys.exit(1)
