"""Checks zoo on a GPU and measures it beside transformers, in ten minutes: one line of JSON per check and figure.

    python -m benchmarks.gpu_check                        # everything
    python -m benchmarks.gpu_check --parts checks         # equal to the CPU, repeats, resumes, never waits
    python -m benchmarks.gpu_check --parts speed --rows mlm-base-64x128 --who zoo transformers
    python -m benchmarks.gpu_check --tiny --device cpu    # whether the script runs

Weights and token ids are random: nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.gpu_correctness import checks
from benchmarks.gpu_work import Work, finetuning, pretraining
from zoo.machine.compute import Compute, synchronize
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.train.loop import train
from zoo.train.step import StepConfig

WHO = ("zoo", "zoo-compiled", "zoo-eager", "transformers", "transformers-compiled")


@dataclass(frozen=True)
class Row:
    """One kind of work: a variant, the lengths of the sequences of a step, or how many short texts it has."""

    name: str
    variant: str
    shape: tuple[int, int] | None = None
    texts: int = 0
    goal: str = ""

    def work(self) -> Work:
        """The model and eight steps' batches, or 64 steps' of short texts, as they come in an epoch."""
        if self.shape:
            n, length = self.shape
            alike = "objectives=bert.mlm+pretraining.bias_correction=true"
            return pretraining(f"{self.variant}+{alike}", [(length,) * n] * 8)
        rng = np.random.default_rng(0)
        drawn = np.sort(np.clip(rng.gamma(4.0, 7.0, (8, self.texts * 8)).astype(int), 5, 128), axis=1)
        rows = [[int(n) for n in row] for row in drawn.reshape(-1, self.texts)]
        return finetuning(self.variant, [rows[i] for i in rng.permutation(len(rows))], "classification", dropout=0.1)


ROWS = (
    Row("finetune-mini", "bert-mini-uncased", texts=32, goal="<= 2 ms"),
    Row("mlm-mini-256x128", "bert-mini-uncased", (256, 128), goal=">= 3,000 k tokens/s"),
    Row("mlm-base-64x128", "bert-base-uncased", (64, 128), goal=">= 400 k tokens/s, memory <= 0.65 x"),
    Row("mlm-base-256x128", "bert-base-uncased", (256, 128), goal=">= 600 k tokens/s"),
    Row("mlm-base-32x512", "bert-base-uncased", (32, 512), goal=">= 400 k tokens/s"),
    Row("finetune-base", "bert-base-uncased", texts=32, goal="<= 8 ms"),
)
TINY = (
    Row("mlm-tiny", "bert-tiny-uncased+dims.vocab_size=600", (2, 16)),
    Row("finetune-tiny", "bert-tiny-uncased+dims.vocab_size=600", texts=2),
)


def ours(work: Work, compute: Compute, *, graphs: bool = True, compiles: bool = False) -> Iterator[None]:
    """Our steps, one after the other."""
    if compiles:
        torch._dynamo.reset()  # shapes of other rows would be compiled for any shape
    model, optimizer = work.fresh(compute.torch_device)
    how = StepConfig(compute, seed=0, read_every=16, graphs=graphs, compiles=compiles)
    for _ in train(model, optimizer, work.endless(), work.recipe, 1_000_000, how=how):
        yield


def theirs(row: Row, work: Work, compute: Compute, *, best: bool) -> Iterator[None]:
    """Transformers' steps; at its best compiled, and without a mask where there is no padding."""
    from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

    dims, device = work.model.variant.dims, compute.torch_device
    config = BertConfig(
        vocab_size=dims.vocab_size, hidden_size=dims.hidden_width, num_hidden_layers=dims.n_layers,
        num_attention_heads=dims.n_heads, intermediate_size=dims.ffn_width, attn_implementation="sdpa", num_labels=3,
    )  # fmt: skip
    with device:
        model: Any = (BertForMaskedLM if row.shape else BertForSequenceClassification)(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    inputs = [_padded(batch) for batch in work.batches]
    if best and row.shape:
        model.compile()
        inputs = [{k: v for k, v in its.items() if k != "attention_mask"} for its in inputs]
    for given in cycle(inputs):
        here = {name: value.to(device, non_blocking=True) for name, value in given.items()}
        with compute.autocast():
            loss = model(**here).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield


def _padded(batch: Any) -> dict[str, torch.Tensor]:
    """A batch as transformers reads it."""
    ids, mask = batch.layout.pad(batch.ids)
    given = {"input_ids": ids, "attention_mask": mask.long(), "token_type_ids": batch.layout.pad(batch.segments)[0]}
    if batch.labels:
        given["labels"] = batch.labels["task"]
    else:
        given["labels"] = batch.layout.pad(batch.targets)[0].masked_fill(~mask, -100)
    return {k: v.pin_memory() if torch.cuda.is_available() else v for k, v in given.items()}


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
    """Each row: zoo, zoo without graphs, and the peers."""
    for row in rows:
        work, device = row.work(), compute.torch_device
        runs: dict[str, Callable[[], Iterator[None]]] = {
            "zoo-compiled": lambda work=work: ours(work, compute, compiles=True),
            "zoo": lambda work=work: ours(work, compute),
            "transformers": lambda row=row, work=work: theirs(row, work, compute, best=False),
            "zoo-eager": lambda work=work: ours(work, compute, graphs=False),
            "transformers-compiled": lambda row=row, work=work: theirs(row, work, compute, best=True),
        }
        if not row.shape or device.type == "cpu":  # of short texts, each length would be compiled
            runs = {name: make for name, make in runs.items() if "compiled" not in name}
        runs = {name: make for name, make in runs.items() if name in who}
        tokens = float(np.mean([batch.layout.n_tokens for batch in work.batches]))
        for name, make in runs.items():
            try:
                epochs = 2 if "zoo" in name and not row.shape and n > 2 else 0  # in which all shapes return
                figures = measured(make(), device, max(warm, epochs * len(work.batches)), n)
            except Exception as error:
                yield {"row": row.name, "who": name, "failed": f"{type(error).__name__}: {error}"[:600]}
                continue
            yield {
                "row": row.name, "who": name, "ms": 1e3 * figures["seconds"], "spread_ms": 1e3 * figures["spread"],
                "tokens_per_s": round(tokens / figures["seconds"]), "peak_GiB": figures["peak"] / 2**30,
                "warm_up_s": figures["warm_up_s"], "goal": row.goal,
            }  # fmt: skip
            if device.type == "cuda":
                torch.cuda.empty_cache()


def profiled(rows: tuple[Row, ...], compute: Compute, *, compiles: bool) -> Iterator[dict[str, Any]]:
    """Which kernels take the time of a step."""
    from torch.profiler import ProfilerActivity, profile

    for row in rows:
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


def machine(compute: Compute) -> dict[str, Any]:
    """What the figures depend on."""
    import transformers

    device = compute.torch_device
    on_gpu = device.type == "cuda"
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "cuda": torch.version.cuda,
        "memory_GiB": torch.cuda.get_device_properties(device).total_memory / 2**30 if on_gpu else None,
        "precision": compute.precision,
        "deterministic": compute.deterministic,
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
    parser.add_argument("--tiny", action="store_true", help="two small rows of few steps")
    parser.add_argument("--out", type=Path, help="a file for all lines as JSON")
    asked = parser.parse_args()
    precision = "fp32" if asked.device == "cpu" else "bf16"
    compute = Compute(device=asked.device, precision=precision, deterministic=not asked.fast)
    compute.begin()
    rows = TINY if asked.tiny else ROWS
    if asked.rows:
        rows = tuple(row for row in rows if row.name in asked.rows)

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
