"""The zoo's own folder: variant.json, model.safetensors, the tokenizer's files, and objectives.json if needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from zoo.core.files import write_folder
from zoo.core.interfaces import Tokenizer
from zoo.core.specs import Variant
from zoo.weights.assign import copy
from zoo.weights.folder import OBJECTIVES, VARIANT, Objectives
from zoo.weights.match import match
from zoo.weights.safetensors_files import WEIGHTS, SafetensorsFiles


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
    objectives = Objectives(names=tuple(used.name for used in variant.objectives))

    def fill(place: Path) -> None:
        write_own(place, variant, objectives, model.state_dict(), {})
        tokenizer.save(place)
        more(place)

    write_folder(folder, fill)


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors as safetensors. Raises OSError if the disk refuses."""
    found = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(found, path, metadata=dict(metadata or {}))
    except SafetensorError as error:
        raise OSError(str(error)) from error


def write_own(
    place: Path,
    variant: Variant,
    objectives: Objectives,
    state: Mapping[str, Tensor],
    metadata: Mapping[str, str],
) -> None:
    """Write record and weights, and the objectives if they are not the variant's."""
    (place / VARIANT).write_text(variant.model_dump_json(indent=2), encoding="utf-8")
    if objectives.head or objectives.names != tuple(used.name for used in variant.objectives):
        (place / OBJECTIVES).write_text(objectives.model_dump_json(indent=2), encoding="utf-8")
    save_tensors(place / WEIGHTS, state, metadata)


def load_weights(model: nn.Module, store: SafetensorsFiles) -> None:
    """Copy stored weights into a model. Raises ZooError unless names and shapes are the model's."""
    stored = {name: name for name in store.entries}
    match("this variant", store, {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}, stored)
    copy(model, store, stored)


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """A SHA-256 over all tensors' names and bytes, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
