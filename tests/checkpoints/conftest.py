"""A small checkpoint, and the command line."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import zoo
from zoo.cli import main

SMALL = (
    "bert-tiny+dims.hidden_width=32+dims.embedding_width=32+dims.ffn_width=48+dims.n_layers=1"
    "+objectives.bert.nsp.pair=joint"
    "+finetuning.max_length=64+pretraining.sequence_length=32+dims.max_length=64+dims.vocab_size=300"
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the zoo's own, with a tokenizer, to be copied."""
    catalog = zoo.Catalog.installed()
    torch.manual_seed(0)
    variant = catalog.variant(SMALL)
    part, options = catalog.tokenizer(variant)
    tokenizer = part.train(["the cat sat on the mat", "a dog ran in the park"] * 9, 300, **options)
    dims = variant.dims.model_copy(update={"vocab_size": tokenizer.vocab_size})
    model = catalog.build(variant.model_copy(update={"dims": dims}))
    model.tokenizer = tokenizer
    folder = tmp_path_factory.mktemp("made") / "bert-tiny"
    zoo.save(model, folder, to="zoo")
    return folder


@pytest.fixture
def trained(made: Path, tmp_path: Path) -> Path:
    """A checkpoint of the zoo's own, with a tokenizer."""
    return Path(shutil.copytree(made, tmp_path / "bert-tiny"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Type a command; get its status, what it printed, and what it printed to standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return int(end.value.code or 0), out, err

    return run
