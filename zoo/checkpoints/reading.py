"""From a folder to a model."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from zoo.checkpoints.pool import Pool
from zoo.core.errors import ZooError
from zoo.core.interfaces import Objective, Tokenizer
from zoo.core.meta import without_memory
from zoo.core.specs import HeadConfig, Variant
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.tasks.kinds import make_head
from zoo.weights.assign import assign, common_dtype
from zoo.weights.files import CONFIG
from zoo.weights.folder import VARIANT, CheckpointFolder, Objectives
from zoo.weights.format import POOL, TASK
from zoo.weights.hub import hub_name, open_folder
from zoo.weights.match import match
from zoo.weights.origin import ModelOrigin
from zoo.weights.record import read_huggingface, tokenizer_use

log = logging.getLogger("zoo")


@dataclass(frozen=True)
class Contents:
    """What a folder holds, known from its headers alone: a model without memory for weights, and where each lies."""

    folder: CheckpointFolder
    model: Model
    stored: Mapping[str, str]
    """The stored name of each weight, by our name."""
    left_out: tuple[str, ...] = ()
    """The stored names of weights that the model has no place for, as those of a head of unknown kind."""
    transposed: frozenset[str] = frozenset()
    """The stored names of weights whose inputs and outputs are exchanged."""
    notes: tuple[str, ...] = ()
    """What of the folder is not honoured, in sentences."""


def load(
    folder: Path | str | CheckpointFolder,
    *,
    dtype: torch.dtype | None = None,
    parse_special: bool = False,
    catalog: Catalog | None = None,
) -> Model:
    """The model in a folder, with its tokenizer, in zoo's own format or the Hugging Face format.

    The folder can also be hub:OWNER/NAME@REVISION. Weights are memory-mapped and keep the file's type, unless
    `dtype` is given. With `parse_special` the tokenizer reads names of special tokens in a text, such as
    "[MASK]", as the special tokens, as the transformers library does. Raises ZooError if anything is missing,
    broken or unknown; no code from the folder is ever run.
    """
    if dtype is not None and not dtype.is_floating_point:
        raise ZooError(f"weights are floats and cannot be read as {dtype}")
    catalog = catalog or Catalog.installed()
    opened = open_folder(folder)
    contents = inspect(opened, catalog)
    tokenizer = tokenizer_of(opened, catalog)
    if tokenizer is not None:
        _refuse_other_ids(tokenizer, contents)
        tokenizer = tokenizer.parsing_special() if parse_special else tokenizer
    model = contents.model
    if any(True for _ in model.buffers()):  # those that no file holds need their values
        model = _assembled(catalog, model.variant, Objectives(names=model.objective_names, head=head_of(model)))
    dtype = dtype or common_dtype(opened.weights, contents.stored)
    assign(model, opened.weights, contents.stored, dtype, contents.transposed)
    model.tokenizer = tokenizer
    if tokenizer is not None:
        model.embedding.set_spellings(tokenizer)
    model.origin = ModelOrigin(
        hub_name(opened.path) or str(opened.path if isinstance(folder, CheckpointFolder) else folder),
        {} if opened.variant else opened.config,
        opened.weights.metadata,
        opened.provenance,
        opened.sentence,
        opened.scores,
        left_out=contents.left_out,
    )
    return model.eval()


def inspect(folder: Path | CheckpointFolder, catalog: Catalog) -> Contents:
    """What a folder holds, every name, type and shape checked. Raises ZooError."""
    folder = open_folder(folder)
    if folder.variant:
        model = _without_memory(catalog, folder.variant, folder.objectives, folder.path / VARIANT)
        stored = {name: name for name in folder.weights.entries}
        match(folder.variant.name, folder.weights, shapes_of(model), stored)
        return Contents(folder, model, stored)
    if folder.holds(CONFIG):
        contents = _inspect_huggingface(folder, catalog)
        for note in contents.notes:
            _say(folder.path.resolve(), note)
        return contents
    if not folder.path.is_dir():
        raise ZooError(f"there is no folder {folder.path}")
    raise ZooError(f"{folder.path} holds no model: neither {VARIANT} nor {CONFIG} is in it")


def _inspect_huggingface(folder: CheckpointFolder, catalog: Catalog) -> Contents:
    found = read_huggingface(folder, catalog.checkpoint_formats)
    model = _without_memory(catalog, found.variant, found.objectives, folder.path / CONFIG)
    heads = found.heads
    format = found.format
    table = format.table(heads.used)
    ours = shapes_of(model)
    joined = table.joined(ours)
    shapes = {theirs: _joined_shape([ours[name] for name in names if name in ours]) for theirs, names in joined.items()}
    turned = {theirs for theirs in shapes if format.transposes(theirs)}
    shapes |= {theirs: shapes[theirs][::-1] for theirs in turned}
    match(f"the {format.name} that {folder.path / CONFIG} describes", folder.weights, shapes, heads.names)
    stored = {name: heads.names[theirs] for theirs, names in joined.items() for name in names}
    transposed = frozenset(heads.names[theirs] for theirs in turned)
    return Contents(folder, model, stored, heads.left_out, transposed, heads.notes)


@cache  # once, however often a folder is read
def _say(folder: Path, note: str) -> None:
    log.warning("%s: %s", folder, note)


def tokenizer_of(folder: Path | CheckpointFolder, catalog: Catalog) -> Tokenizer | None:
    """The tokenizer of a folder, which need not hold weights; None if it holds no tokenizer. Raises ZooError."""
    folder = open_folder(folder)
    if folder.tokenizer_file is None:
        return None
    if folder.variant:
        part, options = catalog.tokenizer(folder.variant)
    else:
        used = tokenizer_use(folder, catalog.checkpoint_formats)
        part, options = catalog.part("tokenizer", used.name), dict(used.options)
    tokenizer: Tokenizer = part.load(folder, **options)
    return tokenizer


def head_of(model: Model) -> HeadConfig | None:
    """The record of a model's task head, if it has one."""
    heads = [module.config for module in model.objectives.values() if isinstance(module, TaskHead)]
    return heads[0] if heads else None


def shapes_of(model: Model) -> dict[str, tuple[int, ...]]:
    """The shape of each weight."""
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _joined_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of tensors one after another along the first dimension."""
    return shapes[0] if len(shapes) == 1 else (sum(shape[0] for shape in shapes), *shapes[0][1:])


def _refuse_other_ids(tokenizer: Tokenizer, contents: Contents) -> None:
    n_rows = contents.model.variant.dims.vocab_size
    if tokenizer.vocab_size > n_rows:
        raise ZooError(
            f"{contents.folder.tokenizer_file}: the tokenizer has {tokenizer.vocab_size:,} ids and the model "
            f"{n_rows:,}; they are not of the same model"
        )


def _without_memory(catalog: Catalog, variant: Variant, objectives: Objectives, where: Path) -> Model:
    try:
        with without_memory():
            return _assembled(catalog, variant, objectives)
    except ZooError as error:
        raise ZooError(f"{where}: {error}") from None


def _assembled(catalog: Catalog, variant: Variant, objectives: Objectives) -> Model:
    model = catalog.assemble(variant)
    made: dict[str, Objective] = {}
    for name in objectives.names:
        if name == TASK and objectives.head is not None:
            head = make_head(variant.dims, objectives.head)
            if theirs := objectives.head.library_class:
                head.layers = model.encoder.head_layers(theirs, head.n_outputs(objectives.head.labels))
            made[name] = head
        elif name == POOL:
            made[name] = Pool(variant.dims)
        else:
            made[name] = model.objective(name)
    return Model(variant, model.embedding, model.encoder, made, causal=model.causal)
