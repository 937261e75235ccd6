"""Rules of compatible parts, checked before any work."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from zoo.blocks import settings_that_reach
from zoo.blocks.depth import by_depth, droppable_layers
from zoo.core.augmentation import TEXT_WAYS, TOKEN_WAYS
from zoo.core.errors import ZooError
from zoo.core.interfaces import Embedding, Encoder, Masking, Objective, Packing
from zoo.core.specs import Variant
from zoo.model import Model
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Task

log = logging.getLogger("zoo")


def misfits_in_pretraining(model: Model, packing: Packing, masking: Masking) -> Iterator[str]:
    """Why a model cannot be pre-trained as its variant says, and what to do about it."""
    variant = model.variant
    for name in model.objective_names:
        if why := model.objective(name).cannot_pretrain:
            yield f"it cannot be pre-trained: {why}"
    yield from _pairs_in_pretraining(model, packing)
    yield from _corruption(model)
    yield from _unreached(model)
    if model.causal and masking.masks_tokens:
        wrong = f"masking {variant.masking.name!r} hides text"
        yield f"it reads from left to right, but {wrong}; exchange it, as +masking=bert.unmasked"
    recipe = variant.pretraining
    yield from _too_long(variant, "pretraining.short_length", recipe.short_length or 0)
    yield from _too_long(variant, "pretraining.sequence_length", recipe.sequence_length)
    if recipe.batch_tokens < recipe.sequence_length:
        yield (
            f"pretraining.batch_tokens={recipe.batch_tokens} is less than one sequence, "
            f"pretraining.sequence_length={recipe.sequence_length}; lower the one or raise the other"
        )


def misfits_in_finetuning(model: Model, tasks: Iterable[Task]) -> Iterator[str]:
    """Why a model cannot be fine-tuned on tasks as its variant says, and what to do about it."""
    variant = model.variant
    for task in tasks:
        if task.pair and not model.embedding.reads_pairs:
            yield f"task {task.name!r} is of pairs, {_one_segment(variant)}, or leave the task out"
        if task_kind(task).by_likelihood and not any(
            model.objective(name).fills_masks for name in model.objective_names
        ):
            yield f"task {task.name!r} needs an output layer for tokens; add an objective that has one, or leave it out"
        if words := [name for name in variant.finetuning.ways if name in TEXT_WAYS and not task_kind(task).rewords]:
            yield f"finetuning.{words[0]} changes words, and items of {task.name!r} mark places in them; leave one out"
    yield from _augmentation(model)
    if model.causal and variant.head.pooling == "first":
        wrong = "head.pooling='first' is a token that sees no other"
        yield f"it reads from left to right, but {wrong}; exchange it, as +head.pooling=last"
    yield from _too_long(variant, "finetuning.max_length", variant.finetuning.max_length)
    yield from _missing_layers(variant, model.encoder)
    yield from _missing_depths(model)


def _pairs_in_pretraining(model: Model, packing: Packing) -> Iterator[str]:
    made = f"packing {model.variant.packing.name!r}"
    if packing.pairs and not model.embedding.reads_pairs:
        yield f"{made} makes pairs, {_one_segment(model.variant)}, or the packing, as +packing=roberta.full_sentences"
    for name in model.objective_names:
        if model.objective(name).needs_pairs and not packing.pairs:
            yield (
                f"objective {name!r} needs pairs, but {made} makes single passages; "
                "exchange one of them, as +packing=bert.segment_pair"
            )


def _corruption(model: Model) -> Iterator[str]:
    objectives = {name: model.objective(name) for name in model.objective_names}
    corrupting = [name for name, objective in objectives.items() if objective.reads == "embedded"]
    if corrupting:
        dims, embedding = model.variant.dims, model.embedding
        if dims.embedding_width != dims.hidden_width and type(embedding).narrow is Embedding.narrow:
            yield (
                f"objective {corrupting[0]!r} reads embeddings of dims.embedding_width, which embedding "
                f"{model.variant.embedding.name!r} does not give; it should have a method `narrow`"
            )
        return
    for name, objective in objectives.items():
        if objective.needs_corrupted:
            yield (
                f"objective {name!r} needs tokens that another objective has corrupted, and none here does; "
                f"put a generator beside it, as +objectives=GENERATOR,{name}"
            )


def _missing_layers(variant: Variant, encoder: Encoder) -> Iterator[str]:
    """Layers that a head would read and that are not there."""
    config, n_layers = variant.finetuning.feature_config, variant.dims.n_layers
    if config is None:
        return
    if config.layer is not None and config.layer > n_layers:
        yield (
            f"finetuning.features={config.layers} is not there: it has {n_layers} layers, layer-1 to layer-{n_layers}, "
            "and layer-0, the embeddings"
        )
    elif type(encoder).states is Encoder.states and config.layers not in ("last", "embeddings", "layer-0"):
        yield (
            f"finetuning.features={config.layers} reads single layers, and encoder {variant.encoder.name!r} gives the "
            "last one only; its method `states` should yield each; or exchange it, as +finetuning.features=last"
        )


def _augmentation(model: Model) -> Iterator[str]:
    """Ways to change training items that lack what they need."""
    recipe = model.variant.finetuning
    if model.causal and (masks := [name for name in TOKEN_WAYS if name in recipe.ways]):
        yield f"it reads from left to right and knows no mask, which finetuning.{masks[0]} needs; leave that out"


def _missing_depths(model: Model) -> Iterator[str]:
    """Layers that fine-tuning would treat apart and that are not there."""
    recipe, n_layers = model.variant.finetuning, model.variant.dims.n_layers
    for field in ("frozen_layers", "reinitialized_layers"):
        if (wanted := getattr(recipe, field) or 0) > n_layers:
            yield f"finetuning.{field}={wanted} is more than its {n_layers} layers; lower it"
            return
    by_layer = recipe.layer_decay < 1.0 or recipe.frozen_layers is not None
    try:
        if by_layer or recipe.unfreezing or recipe.reinitialized_layers:
            by_depth(model, n_layers)
        if recipe.layer_drop:
            droppable_layers(model)
    except ZooError as error:
        yield str(error)


def _one_segment(variant: Variant) -> str:
    return f"but embedding {variant.embedding.name!r} has one segment alone; exchange it, as +embedding.n_segments=2"


def _unreached(model: Model) -> Iterator[str]:
    """Settings of `init` without effect in a model."""
    init, reached = model.variant.init, settings_that_reach(model)
    if init.keys_start_as_queries and "keys_start_as_queries" not in reached:
        yield (
            "init.keys_start_as_queries=true reaches no part of it, for none has a zoo.blocks.SelfAttention or a "
            "method start_keys_as_queries; give attention this method, or switch the setting off, as "
            "+init.keys_start_as_queries=false"
        )
    if init.positions == "sinusoidal" and "positions" not in reached:
        yield (
            "init.positions='sinusoidal' reaches no part of it, for none has an nn.Embedding called positions; "
            "switch it off, as +init.positions=normal"
        )


def log_own_starts(model: Model) -> None:
    """Log the parts that the record's `init` does not initialise, each once."""
    variant = model.variant
    parts = {
        f"embedding {variant.embedding.name!r}": model.embedding,
        f"encoder {variant.encoder.name!r}": model.encoder,
    }
    parts |= {f"objective {name!r}": model.objective(name) for name in model.objective_names}
    for name, part in parts.items():
        drawn = settings_that_reach(part) & {"linear_std", "embedding_std"}
        if not drawn and any(True for _ in part.parameters()):
            _log_own_start(name)


@cache
def _log_own_start(part: str) -> None:
    log.warning(f"{part} keeps its own initialisation: init.linear_std and init.embedding_std do not reach it")


def _too_long(variant: Variant, field: str, length: int) -> Iterator[str]:
    longest = variant.dims.max_length
    if length > longest:
        yield (
            f"{field}={length} is more than dims.max_length={longest}, the positions that the model has; "
            "lower the one or raise the other"
        )


def reads_from_left(variant: Variant, encoder: Encoder, objectives: Mapping[str, Objective]) -> bool:
    """Whether the objectives need a causal encoder. Raises ZooError if they disagree, or the encoder is not causal."""
    wishes = {objective.causal for objective in objectives.values()}
    if len(wishes) > 1:
        named = " and ".join(name for name, objective in objectives.items() if objective.causal)
        raise ZooError(
            f"variant {variant.name!r}: {named} reads from left to right and its other objectives don't; "
            f"train one kind alone, for example +objectives={named}"
        )
    if wishes == {True} and not encoder.can_be_causal:
        raise ZooError(
            f"variant {variant.name!r}: its objectives read from left to right, which encoder "
            f"{variant.encoder.name!r} cannot; change one of them, for example +encoder=bert.stack"
        )
    return True in wishes
