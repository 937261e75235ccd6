"""Folders as the transformers library writes them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

from zoo.cli import main

WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "capital", "of", "france", "is", "paris", ".", "a", "b", "##c"
]  # fmt: skip

Make = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A folder as the transformers library writes it, with a vocabulary of a few words."""

    def make(head: str, **config: object) -> Path:
        transformers.logging.disable_progress_bar()
        torch.manual_seed(1)
        sizes = {"hidden_size": 15, "num_hidden_layers": 2, "num_attention_heads": 5, "intermediate_size": 22}
        settings = transformers.BertConfig(**sizes, vocab_size=len(WORDS), max_position_embeddings=24, **config)
        folder = tmp_path / head
        getattr(transformers, head)(settings).save_pretrained(folder)
        (folder / "vocab.txt").write_text("\n".join(WORDS))
        return folder

    return make


@pytest.fixture
def zoo_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command; its status, what it printed, and what it printed to standard error."""

    def type_(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return type_
