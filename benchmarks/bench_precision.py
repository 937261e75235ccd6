"""Error and speed of inference in fewer bits: the formats that `--precision auto` tries, with any model.

python -m benchmarks.bench_precision bert-base-uncased bert-mini-uncased    # variants with random weights
python -m benchmarks.bench_precision sentence/model                         # or folders of models
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.gpu_work import CATALOG, built
from zoo import load
from zoo.inference.precision import ALLOWED, FP32, choices, tried
from zoo.machine.compute import Compute


def rows(name: str, compute: Compute) -> Iterator[dict[str, object]]:
    """A row for each format that the device has."""
    model = load(name) if Path(name).is_dir() else built(CATALOG.variant(name)).eval()
    model = model.to(compute.torch_device)
    exact, seconds = tried(model, compute, FP32)
    for choice in choices(compute):
        vectors, took = tried(model, compute, choice)
        error = float(((vectors - exact).norm(dim=1) / exact.norm(dim=1)).max())
        yield {
            "model": name,
            "passes": str(choice),
            "largest difference": round(float((vectors - exact).abs().max()), 5),
            "numbers, mean": round(float(exact.abs().mean()), 3),
            "by length": round(error, 5),
            "allowed by auto": error <= ALLOWED,
            "times as fast as fp32": round(seconds / took, 2),
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line of JSON for each format and model."""
    parser = argparse.ArgumentParser(description="Error and speed of inference in fewer bits.")
    parser.add_argument("models", nargs="+", help="a variant, which gets random weights, or a model's folder")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for name in asked.models:
        for row in rows(name, Compute(device=asked.device)):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
