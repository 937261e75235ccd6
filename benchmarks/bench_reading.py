"""CPU time and memory of a task with a million items: reading, hashing, encoding and the first batch.

Each step is measured in one process that does only what comes before it. The file is generated: a text of 5 to 30 words
and one of two labels per row.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

WORDS = 5_000
FORMATS = ("tsv", "csv", "jsonl", "parquet")


def generate(path: Path, n_items: int, seed: int = 0) -> None:
    """Write a data file with this many items."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(WORDS)]
    rows = (
        (" ".join(draw.choices(words, k=draw.randint(5, 30))), draw.choice(("bad", "good"))) for _ in range(n_items)
    )
    suffix = path.suffix
    if suffix == ".parquet":
        import pyarrow
        from pyarrow import parquet

        columns = dict(zip(("text", "label"), zip(*rows, strict=True), strict=True))
        parquet.write_table(pyarrow.table(columns), path)
        return
    with path.open("w") as file:
        if suffix == ".jsonl":
            file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
            return
        cut = "\t" if suffix == ".tsv" else ","
        file.write(f"text{cut}label\n")
        file.writelines(f"{text}{cut}{label}\n" for text, label in rows)


def described(folder: Path, suffix: str) -> Path:
    """The file of a task whose data lie beside it."""
    path = folder / "task.json"
    files = {"train": f"train.{suffix}", "dev": f"dev.{suffix}"}
    how = {"name": "large", "kind": "classification", "labels": ["bad", "good"], "files": files}
    path.write_text(json.dumps(how))
    return path


def measure(task: Path, encode: bool) -> dict[str, float]:
    """CPU seconds of each step, and the most memory that the process has had, in MB."""
    from zoo.pretraining.setup import train_tokenizer
    from zoo.registry.catalog import Catalog
    from zoo.tasks.kinds import task_kind
    from zoo.tasks.scoring import gold_labels

    catalog = Catalog.installed()
    before, began = _peak(), time.process_time()
    found = catalog.task(str(task))
    dataset = found.load(None)
    read = time.process_time() - began
    items = dataset.splits["train"]
    measured = {"items": len(items), "read_s": read, "read_MB": _peak() - before}
    gold_labels(found, dataset)
    if encode:
        texts = [[item.first for item in items[:20_000]]]
        tokenizer = train_tokenizer(catalog, catalog.variant("bert-tiny"), texts)
        before, began = _peak(), time.process_time()
        encoded, _ = task_kind(found).encode(items, tokenizer, 128)
        measured |= {"encode_s": time.process_time() - began, "encode_MB": _peak() - before}
        measured["tokens"] = sum(map(len, encoded))
    return measured | {"peak_MB": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure every format, each in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--items", type=int, default=1_000_000)
    options.add_argument("--formats", default=",".join(FORMATS))
    options.add_argument("--no-encoding", action="store_true", help="only read")
    options.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, not given.no_encoding)))
        return
    for suffix in given.formats.split(","):
        with TemporaryDirectory() as name:
            generate(Path(name) / f"train.{suffix}", given.items)
            generate(Path(name) / f"dev.{suffix}", 1_000, seed=1)
            only = ["--no-encoding"] if given.no_encoding or suffix != given.formats.split(",")[0] else []
            again = [sys.executable, "-m", "benchmarks.bench_reading", "--measure", str(described(Path(name), suffix))]
            done = subprocess.run([*again, *only], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        print(suffix, ", ".join(f"{what} {value:,.1f}" for what, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
