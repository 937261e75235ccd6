"""The same work by two versions of the sources, in turn: processor time on one thread, and its ratio.

    git worktree add --detach ../before v0.1.0
    python -m benchmarks.bench_versions ../before .                           # ten minutes, most of it base size
    python -m benchmarks.bench_versions ../before . --rows encode-mini tokenize

Each measurement is a process of its own that imports `zoo` and its plugins from one of the folders, with the libraries
of this environment. This file is what both run, so that it may use only what both versions have.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zoo import IGNORE, Batch, Catalog, Encoding, Model
from zoo.core.specs import Finetuning, HeadConfig, Recipe
from zoo.tasks.kinds import make_head
from zoo.text.collate import collate
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer

TINY, MINI, BASE = "bert-tiny-uncased+dims.vocab_size=600", "bert-mini-uncased", "bert-base-uncased"
Work = Callable[[], object]


def mlm(variant: str, n: int, length: int) -> Work:
    """A step of masked-language-model pre-training on `n` sequences."""
    record = Catalog.installed().variant(f"{variant}+objectives=bert.mlm")
    batch = _batch([length] * n, record.dims.vocab_size, masked=True)
    return _step(Catalog.installed().build(record), [batch], record.pretraining)


def finetune(variant: str, n: int) -> Work:
    """Four steps of fine-tuning on `n` short texts each."""
    record = Catalog.installed().variant(variant)
    config = HeadConfig(kind="classification", labels=("a", "b", "c"), pooling=record.head)
    model = Catalog.installed().build(record).with_head("task", make_head(record.dims, config))
    batches = [_batch(_lengths(n, seed), record.dims.vocab_size, masked=False) for seed in range(4)]
    step = _step(model, batches, Finetuning(learning_rate=1e-3))
    return lambda: [step() for _ in batches]


def encode(variant: str, n: int) -> Work:
    """Vectors of `n` short texts."""
    model = Catalog.installed().build(Catalog.installed().variant(variant)).eval()
    model.tokenizer = _trained_tokenizer()
    return partial(model.encode, _texts(n))


def tokenize() -> Work:
    """Ids of 8,000 texts, by a tokenizer that has just been trained and then at once again."""
    return partial(_trained_tokenizer().encode, _texts(8_000))


ROWS: dict[str, tuple[Callable[[], Work], int]] = {
    "mlm-tiny": (partial(mlm, TINY, 8, 128), 20),
    "mlm-mini": (partial(mlm, MINI, 32, 128), 5),
    "mlm-mini-long": (partial(mlm, MINI, 4, 512), 5),
    "mlm-base": (partial(mlm, BASE, 4, 128), 3),
    "finetune-tiny": (partial(finetune, TINY, 16), 20),
    "finetune-mini": (partial(finetune, MINI, 32), 8),
    "finetune-base": (partial(finetune, BASE, 16), 1),
    "encode-tiny": (partial(encode, TINY, 2_000), 5),
    "encode-few": (partial(encode, TINY, 8), 60),
    "encode-mini": (partial(encode, MINI, 1_000), 3),
    "encode-base": (partial(encode, BASE, 128), 2),
    "tokenize": (tokenize, 8),
    "train-tokenizer": (lambda: _trained_tokenizer, 4),
}
"""What makes each row's work, and how often it is done after a first time; the least counts."""


def _lengths(n: int, seed: int) -> list[int]:
    """Of short texts: 28 tokens in the mean."""
    lengths: list[int] = np.clip(np.random.default_rng(seed).gamma(4.0, 7.0, n).astype(int), 5, 128).tolist()
    return lengths


def _batch(lengths: Sequence[int], vocab_size: int, *, masked: bool) -> Batch:
    rng = np.random.default_rng(0)
    ids = [rng.integers(5, vocab_size, length).astype(np.int32) for length in lengths]
    encodings = [Encoding(row, np.zeros(len(row), np.int32), np.zeros(len(row), bool)) for row in ids]
    if not masked:
        return collate(encodings, {"task": [place % 3 for place in range(len(lengths))]})
    return collate(encodings, targets=[np.where(rng.random(len(row)) < 0.15, row, IGNORE) for row in ids])


def _step(model: Model, batches: Sequence[Batch], recipe: Recipe) -> Work:
    return partial(next, train(model, make_optimizer(model, recipe), cycle(batches), recipe, 1_000_000))


def _texts(n: int) -> list[str]:
    """Of 2,000 made-up words, frequent ones more often."""
    drawn = random.Random(0)
    words = ["".join(drawn.choices("abcdefghijklmnop", k=2 + place % 7)) for place in range(2_000)]
    weights = [1 / (place + 1) for place in range(len(words))]
    return [" ".join(drawn.choices(words, weights, k=length)) for length in _lengths(n, 0)]


def _trained_tokenizer() -> Any:
    tokenizer, options = Catalog.installed().tokenizer(Catalog.installed().variant(BASE))
    return tokenizer.train(_texts(2_000), vocab_size=600, **options)


def least_seconds(row: str, rounds: int | None = None) -> float:
    """Of processor time, after a first time."""
    make, own = ROWS[row]
    work = make()
    work()
    took = []
    for _ in range(rounds or own):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def seconds_there(folder: Path, row: str, rounds: int | None) -> float:
    """The same in a process that takes the sources of a folder."""
    sources = [folder, *sorted((folder / "plugins").iterdir())]
    command = [sys.executable, __file__, "--here", row, *(["--rounds", str(rounds)] if rounds else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(each.resolve()) for each in sources)}
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return float(printed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line of JSON per row: the least seconds of each version, and the second's in terms of the first's."""
    parser = argparse.ArgumentParser(description="The same work by two versions of the sources.")
    parser.add_argument("folders", nargs="*", type=Path, help="the sources before and now")
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--processes", type=int, default=2, help="processes of each version per row")
    parser.add_argument("--rounds", type=int, help="measurements per process, by default each row's own number")
    parser.add_argument("--here", choices=list(ROWS), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if asked.here:
        print(least_seconds(asked.here, asked.rounds))
        return
    if len(asked.folders) != 2:
        parser.error("two folders with sources are needed: before and now")
    for folder in asked.folders:
        if not (folder / "zoo").is_dir() or not (folder / "plugins").is_dir():
            parser.error(f"{folder} holds no zoo with its plugins")
    for row in asked.rows:
        pairs = [[seconds_there(folder, row, asked.rounds) for folder in asked.folders] for _ in range(asked.processes)]
        before, now = map(min, zip(*pairs, strict=True))
        print(json.dumps({"row": row, "before, s": before, "now, s": now, "now / before": round(now / before, 3)}))


if __name__ == "__main__":
    main()
