"""Small runs to repeat, stop and kill."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
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

    def start_(argv: list[str]) -> ForkServerProcess:
        monkeypatch.setattr(sys, "argv", argv)
        process = _prepared_processes().Process(target=main)
        process.start()
        return process

    return start_


@pytest.fixture
def team(tmp_path: Path) -> Callable[..., str]:
    """Type a command to several processes at once, with the environment that torchrun gives them; gives what they print
    to standard error.
    """

    def run(argv: list[str], size: int, status: int = 0) -> str:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        told = [tmp_path / f"told-{port}-{rank}" for rank in range(size)]
        context = _prepared_processes()
        team = [context.Process(target=_member, args=(argv, rank, size, port, told[rank])) for rank in range(size)]
        for process in team:
            process.start()
        for process in team:
            process.join(timeout=300)
        printed = "".join(path.read_text() for path in told)
        assert max(abs(process.exitcode or 0) for process in team) == status, printed[-2_000:]
        return printed

    return run


def _prepared_processes() -> ForkServerContext:
    """What makes processes by forking one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["zoo.commands.pretrain", "zoo.pretraining.run", "sympy", "torch._dynamo"])
    return context


def _member(argv: list[str], rank: int, size: int, port: int, told: Path) -> None:
    """A command in one process of several."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    handle = os.open(told, os.O_WRONLY | os.O_CREAT)
    os.dup2(handle, 2)
    sys.argv = argv
    main()


@pytest.fixture
def torchrun() -> Callable[[list[str], int], None]:
    """Type a command to several processes that torchrun calls together."""

    def run(argv: list[str], size: int) -> None:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([*command, "-m", *argv], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-2_000:]

    return run
