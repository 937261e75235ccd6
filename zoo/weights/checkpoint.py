"""A trained variant as a folder: variant.json, model.safetensors and the tokenizer's own files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from zoo.errors import ZooError, explain
from zoo.files import write_folder
from zoo.interfaces import Tokenizer
from zoo.specs import Variant

WEIGHTS = "model.safetensors"
VARIANT = "variant.json"


def save_checkpoint(
    folder: Path,
    variant: Variant,
    model: nn.Module,
    tokenizer: Tokenizer,
    more: Callable[[Path], None] = lambda place: None,
) -> None:
    """Write a variant's record, weights and tokenizer; the folder appears only when all of it is there.

    `more` may write files of its own beside them.
    """

    def fill(place: Path) -> None:
        (place / VARIANT).write_text(variant.model_dump_json(indent=2))
        save_tensors(place / WEIGHTS, model.state_dict())
        tokenizer.save(place)
        more(place)

    write_folder(folder, fill)


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors. Raises OSError where the disk refuses."""
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def read_variant(folder: Path) -> Variant:
    """The record of a saved variant. Raises ZooError where it is missing or malformed."""
    path = folder / VARIANT
    try:
        return Variant.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise ZooError(f"{path} is not a variant's record: {explain(error)}") from None


def load_weights(model: nn.Module, folder: Path) -> None:
    """Fill a model with a folder's weights, every tensor named and shaped as the model's. Raises ZooError otherwise."""
    path = folder / WEIGHTS
    try:
        model.load_state_dict(load_file(path), strict=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ZooError(f"cannot load {path}: {' '.join(str(error).split())}") from error


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """A SHA-256 over all tensors' names and bytes, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
