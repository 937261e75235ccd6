"""Every kind of broken folder, of every family: refused in one line that names the file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import zoo
from tests.parity.families import FAMILIES, called, tiny
from zoo import Catalog, ZooError

CATALOG = Catalog.installed()
WEIGHTS, CONFIG, VARIANT = "model.safetensors", "config.json", "variant.json"
LLAMA = {
    "hidden_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 44,
    "num_hidden_layers": 2, "vocab_size": 97, "max_position_embeddings": 64,
}  # fmt: skip
OWN = {name: f"{name}-tiny+dims.vocab_size=99" for name in ("transformer", "elmo", "d2l")}
"""Families without a Hugging Face format, as folders of the zoo's own."""

MORE_LAYERS = "more layers than weights"
Break = Callable[[Path], object]


@pytest.fixture(scope="module", params=[*FAMILIES, "Llama", *OWN])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A family, and a folder of its own, whole."""
    family, folder = request.param, tmp_path_factory.mktemp("whole") / request.param
    if family in OWN:
        zoo.save(CATALOG.build(CATALOG.variant(OWN[family])), folder, to="zoo")
        return family, folder
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    sizes = LLAMA if family == "Llama" else tiny(family, np.random.default_rng(0))
    config = getattr(transformers, f"{family}Config")(**sizes)
    getattr(transformers, f"{family}Model")(config).save_pretrained(folder)
    return family, folder


@pytest.fixture
def folder(whole: tuple[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole[1], tmp_path / whole[0]))


def weights(change: Callable[[dict[str, torch.Tensor], str], object]) -> Break:
    """Other tensors; `change` gets the name of the last matrix besides."""

    def break_(folder: Path) -> None:
        found = load_file(folder / WEIGHTS)
        change(found, max(name for name, tensor in found.items() if tensor.ndim == 2))
        save_file(found, folder / WEIGHTS)

    return break_


def truncated(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-40])


def pickle_only(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


def sizes(**changes: Any) -> Break:
    """Other sizes in the config, by BERT's names, or in the variant's record."""

    def break_(folder: Path) -> None:
        own = (folder / VARIANT).exists()
        path = folder / (VARIANT if own else CONFIG)
        found = json.loads(path.read_text())
        if own:
            ours = {"num_hidden_layers": "n_layers", "hidden_size": "hidden_width", "vocab_size": "vocab_size"}
            found["dims"] |= {ours[name]: value for name, value in changes.items()}
        else:
            found |= called(folder.name, changes) if folder.name in FAMILIES else changes
        path.write_text(json.dumps(found))

    return break_


BREAKS: dict[str, Break] = {
    "truncated": truncated,
    "a tensor is missing": weights(lambda tensors, name: tensors.pop(name)),
    "a tensor of another shape": weights(lambda tensors, name: tensors.update({name: tensors[name][1:].clone()})),
    "a tensor of integers": weights(lambda tensors, name: tensors.update({name: tensors[name].long()})),
    "a tensor that is not finite": weights(lambda tensors, name: tensors[name].fill_(float("nan"))),
    MORE_LAYERS: sizes(num_hidden_layers=7),
    "a width that does not fit": sizes(hidden_size=1_001),
    "no width": sizes(hidden_size=0),
    "a width that is a word": sizes(hidden_size="wide"),
    "a vocabulary that does not fit": sizes(vocab_size=5_000),
    "only a pickle": pickle_only,
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_folder_is_refused_in_one_line(how: str, folder: Path) -> None:
    if how == MORE_LAYERS and folder.name == "Albert":
        pytest.skip("all its layers have the same weights")
    BREAKS[how](folder)
    with pytest.raises(ZooError) as error:
        zoo.load(folder, catalog=CATALOG)
    assert "\n" not in str(error.value) and str(folder) in str(error.value), error.value
    assert error.value.exit_code == 2


def test_an_option_that_the_family_lacks_is_refused(folder: Path) -> None:
    for part in ("encoder", "embedding"):
        with pytest.raises(ZooError, match="'swirl' is not an option"):
            CATALOG.check(CATALOG.variant(f"{folder}+{part}.swirl=3"), trained=True)


def test_a_whole_folder_is_read(folder: Path) -> None:
    assert any(p.isfinite().all() for p in zoo.load(folder, catalog=CATALOG).parameters())
