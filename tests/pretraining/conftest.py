"""Small runs to repeat, stop and kill."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
import pytest

from zoo.cli import main

Arguments = Callable[..., list[str]]

SMALL = (
    "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.max_length=24"
    "+dims.vocab_size=120+finetuning.max_length=24+pretraining.sequence_length=24+pretraining.batch_tokens=240"
    "+dims.dropout=0.1+dims.attention_dropout=0.1+masking.dupe_factor=2"
)


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty documents of a few sentences."""
    rng = np.random.default_rng(0)
    words = [f"{a}{b}" for a in ("ba", "de", "ki", "lo", "mu") for b in ("n", "r", "s", "t")]
    sentences = [[f"{' '.join(rng.choice(words, rng.integers(3, 9)))}." for _ in range(6)] for _ in range(40)]
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n\n".join("\n".join(document) for document in sentences))
    return path


@pytest.fixture
def arguments(text: Path, tmp_path: Path) -> Arguments:
    """What is typed to do a small run in a folder."""

    def make(folder: Path, *more: str, variant: str = SMALL, steps: int = 30) -> list[str]:
        command = f"pretrain {variant} --corpus {text} --out {folder} --cache {tmp_path / 'cache'} --steps {steps}"
        return ["zoo", *command.split(), "--held-out", "0.1", "--threads", "1", *more]

    return make


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """Type a command in this process."""

    def type_(argv: list[str]) -> int:
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    return type_


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], ForkServerProcess]:
    """Type a command in a process of its own, which need not import everything anew."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["zoo.cli", "zoo.pretraining.run", "sympy", "torch._dynamo"])

    def start_(argv: list[str]) -> ForkServerProcess:
        monkeypatch.setattr(sys, "argv", argv)
        process = context.Process(target=main)
        process.start()
        return process

    return start_


@pytest.fixture
def team() -> Callable[..., str]:
    """Type a command to several processes that torchrun calls together; gives what they print to standard error."""

    def run(argv: list[str], size: int, status: int = 0) -> str:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"]
        done = subprocess.run(
            [*command, "-m", *argv], capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        assert done.returncode == status, done.stderr[-2_000:]
        return done.stderr

    return run
