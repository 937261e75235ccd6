"""A step of masked-language-model training against transformers' BertForMaskedLM, in one run.

Equal shapes, weights of equal sizes, equal token ids and masks, one thread; ours computes logits at the masked tokens
only. Time is measured by pytest-benchmark, growth of peak memory in a process of its own:

    pytest benchmarks/bench_mlm_step.py --benchmark-group-by=param:shape --benchmark-columns=min,median,rounds
    python benchmarks/bench_mlm_step.py     # speed and peak memory as ratios
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.gpu_work import peer_config
from zoo import IGNORE, Batch, Catalog, Encoding
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.text.collate import collate
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer

WIDE = "bert-base-uncased+dims.vocab_size=50265"
MEASURED = ("bert-mini-uncased", "bert-base-uncased", WIDE)
SHAPES = {"bert-mini-uncased": (32, 128), "bert-base-uncased": (8, 128), WIDE: (8, 128), "bert-tiny-uncased": (2, 16)}
"""Sequences and tokens of each; the last only to try the benchmark out."""


def text(shape: str) -> tuple[np.ndarray, np.ndarray]:
    """Ids and targets of full sequences, 15% of the tokens to be predicted. [B, S]"""
    rng = np.random.default_rng(0)
    ids = rng.integers(1_000, 30_000, SHAPES[shape]).astype(np.int32)
    return ids, np.where(rng.random(ids.shape) < 0.15, ids, IGNORE)


def ours(shape: str) -> Callable[[], None]:
    """One of our steps: forward, backward, clipping, optimizer, log."""
    variant = Catalog.installed().variant(f"{shape}+objectives=bert.mlm+pretraining.bias_correction=true")
    model = Catalog.installed().build(variant)
    ids, targets = text(shape)
    none = np.zeros(ids.shape[1], dtype=bool)
    batch = collate([Encoding(row, none.astype(np.int32), none) for row in ids], targets=list(targets))

    def forever() -> Iterator[Batch]:
        while True:
            yield batch

    steps = train(model, make_optimizer(model, variant.pretraining), forever(), variant.pretraining, 1_000_000)

    def step() -> None:
        next(steps)

    return step


def theirs(shape: str) -> Callable[[], None]:
    """The same step with transformers' model and torch's AdamW."""
    from transformers import BertForMaskedLM

    model: Any = BertForMaskedLM(peer_config(Catalog.installed().variant(shape).dims)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    ids, targets = (torch.from_numpy(array).long() for array in text(shape))

    def step() -> None:
        model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=targets).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


@pytest.mark.parametrize("shape", MEASURED)
@pytest.mark.parametrize("make", [ours, theirs], ids=["zoo", "transformers"])
def test_step(benchmark, shape: str, make: Callable[[str], Callable[[], None]]) -> None:  # type: ignore[no-untyped-def]
    torch.set_num_threads(1)
    step = make(shape)
    step()
    benchmark.pedantic(step, rounds=5)
    benchmark.extra_info["tokens_per_s"] = int(np.prod(SHAPES[shape]) / benchmark.stats["median"])


def peak(shape: str, make: str) -> None:
    """Print by how much two steps make this process's peak memory grow, in bytes."""
    torch.set_num_threads(1)
    step = {"ours": ours, "theirs": theirs}[make](shape)
    reset_peak_memory()
    before = peak_memory()
    step()
    step()
    print(peak_memory() - before)


def main(shapes: Sequence[str], rounds: int) -> None:
    """Ratios from steps taken in turn, and from one process each for memory."""
    torch.set_num_threads(1)
    for shape in shapes:
        steps = {"ours": ours(shape), "theirs": theirs(shape)}
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for turn in range(rounds + 1):
            for name, step in steps.items():
                began = time.process_time()
                step()
                if turn:
                    seconds[name].append(time.process_time() - began)
        memory = {
            name: int(
                subprocess.run(
                    [sys.executable, __file__, "--peak", shape, name], capture_output=True, check=True
                ).stdout
            )
            for name in steps
        }
        row = {
            "shape": f"{shape}, {SHAPES[shape][0]} x {SHAPES[shape][1]}",
            "speed, times transformers": round(median(seconds["theirs"]) / median(seconds["ours"]), 2),
            "peak memory, times transformers": round(memory["ours"] / memory["theirs"], 2),
            "tokens/s, ours": round(np.prod(SHAPES[shape]) / median(seconds["ours"])),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(MEASURED))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peak:
        peak(*asked.peak)
    else:
        main(asked.shapes, asked.rounds)
