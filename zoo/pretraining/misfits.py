"""Why a student cannot learn what its record says from a teacher, tried without weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import torch

from zoo.blocks.attention import Attention, attentions_kept
from zoo.checkpoints import inspect
from zoo.core.batch import Layout
from zoo.core.errors import ZooError
from zoo.core.meta import without_memory
from zoo.core.specs import Variant
from zoo.model import Model
from zoo.pretraining.setup import with_vocabulary_of
from zoo.registry.catalog import Catalog
from zoo.train.distances import attention_distance, relation_distance
from zoo.train.distillation import predicts_tokens, take_layers
from zoo.weights.folder import CheckpointFolder


def misfits(catalog: Catalog, student: Variant, teacher: Variant) -> Iterator[str]:
    """Why a student cannot start from the layers of a teacher, or learn what is inside them."""
    record = student.distillation
    try:
        if record.layers:
            with without_memory():
                ours, theirs = (catalog.assemble(each) for each in (with_vocabulary_of(student, teacher), teacher))
                take_layers(ours, theirs, record.layer_numbers)
        if record.layer_map or record.attention or record.relations:
            _compare_inside(catalog, student, teacher)
    except ZooError as error:
        yield str(error)


def predicts_no_tokens(catalog: Catalog, variant: Variant, folder: Path | None) -> str:
    """Why a variant, or the model of a folder, which may lack the output layer, neither teaches nor learns in
    pre-training; empty if it does."""
    with without_memory():
        model = in_folder(catalog, folder) if folder else catalog.assemble(variant)
    try:
        predicts_tokens(model)
    except ZooError as error:
        return str(error)
    return ""


def in_folder(catalog: Catalog, folder: Path) -> Model:
    """What a folder holds, without its weights."""
    return inspect(CheckpointFolder(folder), catalog).model


def _compare_inside(catalog: Catalog, student: Variant, teacher: Variant) -> None:
    record = student.distillation
    (n_layers, ours), (n_of_teacher, theirs) = (_inside(catalog, variant) for variant in (student, teacher))
    pairs = record.pairs(n_layers, n_of_teacher)
    if not record.attention and not record.relations:
        return
    for variant, n, kept in ((student, n_layers, ours), (teacher, n_of_teacher, theirs)):
        if len(kept) != n:
            raise ZooError(
                f"not every layer of {variant.name} attends by zoo.blocks.attend, so that only logits and hidden "
                "states can be compared; give distillation.attention=0 and distillation.relations=0"
            )
    for layer, its in pairs if record.attention else ():
        if layer:
            attention_distance(ours[layer - 1], theirs[its - 1])
    if record.relations:
        n_heads = record.relation_heads or student.dims.required("n_heads")
        relation_distance(ours[-1].vectors, theirs[-1].vectors, ours[-1].layout, n_heads)


def _inside(catalog: Catalog, variant: Variant) -> tuple[int, Sequence[Attention]]:
    """The number of an encoder's layers, and what `zoo.blocks.attend` is given in them."""
    if variant.pruning.when == "before":
        variant = variant.as_pruned(variant.pruning)
    with without_memory():
        encoder = catalog.assemble(variant).encoder
    n_layers, meta = variant.dims.n_layers, torch.device("meta")
    layout = Layout((1,), meta).with_types(torch.zeros(1, dtype=torch.int64).to(meta))
    with attentions_kept() as kept, suppress(Exception):  # another library's encoder may ask for values
        n_layers = len(list(encoder.states(torch.empty(1, variant.dims.hidden_width, device=meta), layout)))
    return n_layers, kept
