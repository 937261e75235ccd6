"""Pre-training that goes on from a model in a folder: from its weights, with its tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from zoo.checkpoints import inspect, load, tokenizer_of
from zoo.core.errors import ZooError
from zoo.core.interfaces import Tokenizer
from zoo.core.meta import without_memory
from zoo.core.specs import Variant
from zoo.model import Model
from zoo.pretraining.settings import InitialWeights
from zoo.registry.catalog import Catalog
from zoo.weights.folder import CheckpointFolder
from zoo.weights.format import POOL
from zoo.weights.hub import hub_name


def initial_weights(catalog: Catalog, variant: Variant, folder: Path) -> InitialWeights:
    """The weights in a folder, for a run of a variant to start from. Raises ZooError if they don't fit it."""
    opened = CheckpointFolder(folder)
    contents = inspect(opened, catalog)
    with without_memory():
        wanted = catalog.assemble(variant)
    if _shapes(wanted, "") != _shapes(contents.model, ""):
        raise ZooError(f"{variant.name} does not fit the weights in {folder}; exchange nothing that they depend on")
    return InitialWeights(source=hub_name(folder) or str(folder.resolve()), content_hash=opened.weights_hash)


def tokenizer_to_keep(catalog: Catalog, variant: Variant, folder: Path, given: Path | None) -> Tokenizer:
    """The tokenizer of a folder, or the one given where it holds none.

    Raises ZooError if there is none, or two, or one with ids that the model has not.
    """
    opened = CheckpointFolder(folder)
    found = tokenizer_of(opened, catalog)
    if found is not None and given is not None:
        raise ZooError(
            f"{opened.tokenizer_file}: the weights beside it know this tokenizer; leave out --tokenizer {given}, or "
            "give --from-scratch to train the record alone"
        )
    if found is None:
        if given is None:
            raise ZooError(f"{folder} holds no tokenizer; give the one of its weights with --tokenizer DIR")
        tokenizer_class, options = catalog.tokenizer(variant)
        found = tokenizer_class.load(given, **options)
    if found.vocab_size > variant.dims.vocab_size:
        raise ZooError(
            f"{opened.tokenizer_file or given}: the tokenizer has {found.vocab_size:,} ids and the model "
            f"{variant.dims.vocab_size:,}; they are not of the same model"
        )
    return found


def load_pretrained_weights(model: Model, folder: Path, catalog: Catalog) -> list[str]:
    """Copy a folder's weights into a model, in float32, and tell which objectives they leave as they were drawn."""
    trained = load(folder, dtype=torch.float32, catalog=catalog)
    model.load_state_dict(dict(_part(trained, "")), strict=False)
    notes, used = [], set(model.objective_names)
    for name in model.objective_names:
        objective = model.objective(name)
        if name in trained.objective_names and _shapes(model, name) == _shapes(trained, name):
            objective.load_state_dict(trained.objective(name).state_dict())
        else:
            lent = trained.copy_pooler_to(objective)
            used |= {POOL} if lent else set()
            notes.append(
                f"{name} starts from new weights{', its pooler aside' if lent else ''}: {folder} has no such layers"
            )
    return [*notes, *(f"{name} of {folder} is left out" for name in trained.objective_names if name not in used)]


def _part(model: Model, objective: str) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights of an objective under their own names, or without a name those of embedding and encoder."""
    if objective:
        yield from model.objective(objective).state_dict().items()
    else:
        yield from ((name, t) for name, t in model.state_dict().items() if not name.startswith("objectives."))


def _shapes(model: Model, objective: str) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in _part(model, objective)}
