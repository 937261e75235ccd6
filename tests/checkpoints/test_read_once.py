"""A folder's files are opened once, whatever is asked of the folder; Python itself counts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import zoo
from zoo.checkpoints.converting import convert
from zoo.experiments.plan.make import planned_checkpoint
from zoo.weights.folder import CheckpointFolder

Opens = Callable[[Path], Counter[str]]
CATALOG = zoo.Catalog.installed()
SMALL = {"hidden_width": 32, "embedding_width": 32, "ffn_width": 48, "n_layers": 1, "max_length": 32}

_counting: list[Counter[str]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _counting and isinstance(arguments[0], str):
        _counting[-1][arguments[0]] += 1


sys.addaudithook(_hook)


@pytest.fixture
def opens() -> Iterator[Opens]:
    """How often each file of a folder has been opened since the test began, by its name."""
    _counting.append(Counter())
    yield lambda folder: Counter({Path(p).name: n for p, n in _counting[-1].items() if Path(p).parent == folder})
    _counting.pop()


def saved(folder: Path, to: str) -> Path:
    """A small BERT with a tokenizer, as a folder of a format."""
    variant = CATALOG.variants["bert-tiny"]
    part, options = CATALOG.tokenizer(variant)
    tokenizer = part.train(["Ann went to Rome", "Rome was seen by Bob"] * 9, 300, **options)
    dims = variant.dims.model_copy(update={**SMALL, "vocab_size": tokenizer.vocab_size})
    model = CATALOG.build(variant.model_copy(update={"dims": dims}))
    model.tokenizer = tokenizer
    zoo.save(model, folder, to=to)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize("to", ["hf", "zoo"])
def test_loading_opens_each_file_once(to: str, tmp_path: Path, opens: Opens) -> None:
    folder = saved(tmp_path / "model", to)
    before = opens(folder)
    zoo.load(folder)
    found = opens(folder) - before
    assert found["model.safetensors"] == found["tokenizer.json"] == found["tokenizer_config.json"] == 1
    assert max(found.values()) == 1


@pytest.mark.parametrize("to", ["hf", "zoo"])
def test_converting_opens_each_file_once(to: str, tmp_path: Path, opens: Opens) -> None:
    folder = saved(tmp_path / "model", to)
    before = opens(folder)
    convert(folder, tmp_path / "other", to="zoo")
    assert max((opens(folder) - before).values()) == 1


def test_a_plan_hashes_weights_once(tmp_path: Path, opens: Opens) -> None:
    folder = saved(tmp_path / "model", "hf")
    before = opens(folder)
    planned_checkpoint(CATALOG, folder)
    found = opens(folder) - before
    assert max(found.values()) == 2  # once for what it says, once for its hash


def test_the_hash_of_the_weights_is_made_of_those_of_the_files(tmp_path: Path, opens: Opens) -> None:
    folder = CheckpointFolder(saved(tmp_path / "model", "hf"))
    hashes = dict(folder.file_hashes)
    before = opens(folder.path)
    assert folder.weights_hash and folder.file_hashes == hashes
    assert opens(folder.path) - before == Counter()
