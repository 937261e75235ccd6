"""Encoding and training steps as shares of what one thread of this processor multiplies, beside transformers.

    python -m benchmarks.bench_limits                                # all rows: minutes of base size
    python -m benchmarks.bench_limits --rows encode-fp32 mlm-mini-fp32

Processor time of the same work, first the peer's and then zoo's: while zoo trains, the C library keeps what is freed,
which would serve the peer as well. The limit is the most operations per second that matrix products of the precision
reach in the same run, of torch or with weights laid out for oneDNN, measured around each row.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import encoding, rows
from benchmarks.rows import BASE, MINI, SMALL, Row
from zoo.blocks.products import operators
from zoo.core.specs import Precision
from zoo.machine.compute import Compute
from zoo.text.collate import collate
from zoo.text.encoding import encode_texts
from zoo.train.speed import training_flops

N_TEXTS, N_ROUNDS = 256, 2

ROWS = {
    "encode": Row("encode", BASE, encoded=N_TEXTS),
    "finetune": Row("finetune", BASE, texts=32),
    "mlm-base": Row("mlm-base", BASE, (8, 128)),
    "mlm-mini": Row("mlm-mini", MINI, (32, 128)),
    "encode-tiny": Row("encode-tiny", SMALL, encoded=8),
    "finetune-tiny": Row("finetune-tiny", SMALL, texts=2),
}
MEASURED = [f"{name}-{p}" for name in ("encode", "finetune", "mlm-base") for p in ("fp32", "bf16")] + ["mlm-mini-fp32"]


def limit(precision: Precision, n: int = 1024, trials: int = 5) -> float:
    """The most operations per second of products of square matrices."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.ones(n, n, dtype=dtype) for _ in range(2))
    products: list[Callable[[], object]] = [lambda: left @ right]
    if (known := operators()) is not None:
        packed = known[1](right)
        products.append(lambda: known[0](left, packed, None, "none", [], ""))
    with torch.no_grad():
        return 2 * n**3 / min(seconds(product) for product in products * trials)


def seconds(work: Callable[[], object]) -> float:
    """Of processor time."""
    began = time.process_time()
    work()
    return time.process_time() - began


def encoding_flops(variant: str, n_texts: int) -> float:
    """The operations of the products of a pass over the texts."""
    model = encoding.model_with_tokenizer(variant)
    tokenizer = model.text_tokenizer
    encodings = encode_texts(tokenizer, encoding.texts_of(n_texts, tokenizer), 128)[0]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval().hidden(collate(encodings[: n_texts // 4]))
    n_counted = sum(map(len, encodings[: n_texts // 4]))
    return float(counter.get_total_flops()) * sum(map(len, encodings)) / n_counted


def measured(name: str, n_rounds: int) -> dict[str, object]:
    """A row's share of the limit, and the ratio of processor times of the peer and zoo."""
    kind, _, precision = name.rpartition("-")
    row, compute = ROWS[kind], Compute.model_validate({"precision": precision})
    sides: dict[str, Callable[[], Iterator[None]]]
    if row.encoded:
        passes, n_tokens = encoding.encoding_runs(row.variant, row.encoded, False, compute)
        sides = {"peer": passes["transformers-sorted"], "zoo": passes["zoo"]}
        flops, n_warm = encoding_flops(row.variant, row.encoded), 1
        each = [flops] * n_rounds
    else:
        work = row.work()
        sides = {"peer": partial(rows.theirs, row, work, compute, best=False), "zoo": partial(rows.ours, work, compute)}
        n_warm, n_rounds = 2, 2 * n_rounds
        batches = [work.batches[at % len(work.batches)] for at in range(n_warm, n_warm + n_rounds)]
        part = [batch.micro_batch(0, 4) for batch in batches]
        each = [
            training_flops(work.model, some) / len(some.ids) * len(batch.ids)
            for some, batch in zip(part, batches, strict=True)
        ]
        n_tokens = sum(len(batch.ids) for batch in batches) / n_rounds
    limits, spent = [limit(compute.precision)], dict.fromkeys(sides, 0.0)
    for who, begin in sides.items():
        steps = begin()
        for _ in range(n_warm):
            next(steps)
        for _ in range(n_rounds):
            spent[who] += seconds(partial(next, steps))
            limits.append(limit(compute.precision))
        del steps
    return {
        "row": name,
        "share of the limit": round(sum(each) / spent["zoo"] / max(limits), 3),
        "limit, GFLOP/s": round(max(limits) / 1e9),
        "times as fast as transformers": round(spent["peer"] / spent["zoo"], 2),
        "tokens/s, zoo": round(n_rounds * n_tokens / spent["zoo"]),
        "share of the limit, transformers": round(sum(each) / spent["peer"] / max(limits), 3),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line of JSON per row; a file of them begins with a line about the machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", nargs="+", default=MEASURED, metavar="ROW", help=f"of {', '.join(MEASURED)}")
    parser.add_argument("--rounds", type=int, default=N_ROUNDS)
    parser.add_argument("--out", type=Path, help="a file for all lines as JSON")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    kept: list[dict[str, object]] = [rows.machine(Compute())]
    for name in asked.rows:
        kept.append(measured(name, asked.rounds))
        print(json.dumps(kept[-1]), flush=True)
        if asked.out:
            asked.out.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
