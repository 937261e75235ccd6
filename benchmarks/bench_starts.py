"""What is paid beside the work: starts of commands, a run's cost beside its jobs, memory of `zoo encode` by its file.

pytest benchmarks/bench_starts.py --benchmark-columns=min,median,rounds     # starts, in wall time
python -m benchmarks.bench_starts                                           # all, starts in processor time
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from zoo import Catalog, load, plan_comparison, save
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.folder import write_result
from zoo.experiments.results.records import Result
from zoo.experiments.runner.job import attempt
from zoo.experiments.runner.run import run
from zoo.tasks.microworld import documents

CATALOG = (
    "import typer.main, pluggy, importlib.metadata; "
    "from pydantic import BaseModel, BeforeValidator, Field, JsonValue, TypeAdapter, ValidationError, model_validator"
)
STARTS = {
    "--help": "import typer.main",
    "list": CATALOG,
    "audit bert-large-uncased --no-module": CATALOG,
    "audit bert-large-uncased": f"{CATALOG}; import torch",
}
"""What is typed after zoo, and the imports that it cannot do without."""

SCRIPT = "import resource, sys; from zoo.cli import main\ntry: main()\nfinally: {}"
PEAK = "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"


def start(*words: str) -> subprocess.CompletedProcess[str]:
    """A process of Python, to its end; it keeps what it compiles, as an installed package is."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True, env=kept)


def seconds(*words: str, rounds: int = 3) -> float:
    """The least processor time of a process after a first one: others may keep the machine busy."""
    start(*words)
    took = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start(*words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(took)


class Instant:
    """An executor whose jobs have their results at once, those of equal jobs before."""

    slots = 2

    def __init__(self, results: dict[str, Result]) -> None:
        self._results, self._jobs = results, list[Job]()

    def open(self, plan: Plan, folder: Path, moved: Any) -> None:
        """Nothing is prepared."""

    def start(self, job: Job) -> None:
        """Take a job."""
        self._jobs.append(job)

    def ended(self) -> list[tuple[Job, Result]]:
        """A job and its result."""
        job = self._jobs.pop(0)
        return [(job, self._results[job.kind].model_copy(update={"job": job}))]

    def close(self) -> None:
        """Nothing is left."""


class Silent:
    """Watches a run and says nothing."""

    def admitted(self, jobs: object) -> None:
        """Nothing."""

    def started(self, job: object) -> None:
        """Nothing."""

    def moved(self, job: object, done: int, total: int) -> None:
        """Nothing."""

    def ended(self, job: object, result: object, reused: bool) -> None:
        """Nothing."""


def milliseconds_per_job(numbers: Sequence[int]) -> dict[int, float]:
    """Processor time of a run beside its jobs, by the number of its seeds."""
    catalog = Catalog.installed()
    budget: dict[str, Any] = {"pretrain_tokens": 64, "finetune_steps": 1, "seeds": 1}
    plan = plan_comparison("bert-tiny", tasks=["micro-sentiment"], catalog=catalog, **budget)
    results: dict[str, Result] = {}
    found: dict[int, float] = {}
    with TemporaryDirectory() as place:
        done = Path(place) / "done"
        (done / "jobs").mkdir(parents=True)
        for job in plan.jobs:
            results[job.kind] = attempt(catalog, plan, job, done, lambda step, total: None)
            write_result(done, results[job.kind])
        for n in numbers:
            more = plan.model_copy(update={"seeds": tuple(range(n))})
            folder = Path(place) / str(n)
            (folder / "checkpoints").mkdir(parents=True)
            (folder / "checkpoints" / "bert-tiny").symlink_to(done / "checkpoints" / "bert-tiny")
            (folder / "plan.json").write_text(more.model_dump_json())
            began = time.process_time()
            run(more, folder, watcher=Silent(), catalog=catalog, executor=Instant(results))
            found[n] = 1e3 * (time.process_time() - began) / len(more.jobs)
    return found


def encode_megabytes(numbers: Sequence[int]) -> dict[int, float]:
    """The peak memory of `zoo encode` by the number of lines, all of other lengths."""
    catalog = Catalog.installed()
    sentences = [sentence for document in documents(1_000, seed=0) for sentence in document]
    tokenizer, options = catalog.tokenizer(variant := catalog.variant("bert-tiny"))
    with TemporaryDirectory() as place:
        model = catalog.build(variant)
        model.tokenizer = tokenizer.train(sentences, vocab_size=2_000, **options)
        save(model, f"{place}/model", catalog=catalog)
        assert load(f"{place}/model", catalog=catalog).tokenizer is not None
        found = {}
        for n in numbers:
            lines = (" ".join(sentences[(i * 7 + k) % 8_000] for k in range(i % 9 + 1)) for i in range(n))
            Path(f"{place}/text").write_text("\n".join(lines))
            words = f"encode {place}/model --text {place}/text --out {place}/vectors.safetensors".split()
            told = start("-c", SCRIPT.format(PEAK), *words).stderr
            found[n] = int(told.split()[-1]) / 1024
    return found


@pytest.mark.parametrize("typed", STARTS)
def test_a_start(benchmark: Any, typed: str) -> None:
    benchmark.pedantic(lambda: start("-m", "zoo", *typed.split()), rounds=3)


@pytest.mark.parametrize("typed", STARTS)
def test_its_libraries(benchmark: Any, typed: str) -> None:
    benchmark.pedantic(lambda: start("-c", STARTS[typed]), rounds=3)


def main(argv: Sequence[str] | None = None) -> None:
    """Print a line of JSON for each measurement."""
    parser = argparse.ArgumentParser(description="What is paid beside the work.")
    parser.add_argument("--jobs", type=int, nargs="*", default=[10, 100, 1_000])
    parser.add_argument("--lines", type=int, nargs="*", default=[1_000, 10_000])
    asked = parser.parse_args(argv)
    for typed, libraries in STARTS.items():
        row = {"zoo": typed, "s": seconds("-m", "zoo", *typed.split()), "its libraries, s": seconds("-c", libraries)}
        print(json.dumps({name: round(value, 2) if isinstance(value, float) else value for name, value in row.items()}))
    for n, took in milliseconds_per_job(asked.jobs).items():
        print(json.dumps({"jobs": n, "ms per job": round(took, 2)}))
    for n, peak in encode_megabytes(asked.lines).items():
        print(json.dumps({"lines": n, "peak, MB": round(peak)}))


if __name__ == "__main__":
    main()
