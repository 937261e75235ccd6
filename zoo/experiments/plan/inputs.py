"""What the phases of a variant's training depend on: no names, and no field that another one makes idle."""

from __future__ import annotations

from typing import TypeAlias

from zoo.core.specs import Finetuning, Init, PoolingConfig, Pretraining, Variant

Inputs: TypeAlias = dict[str, object]

_LATER = {"name", "paper", "finetuning", "head"}
_OF_TRAINING = {"init", "pretraining", "packing", "masking"}


def start_inputs(variant: Variant) -> Inputs:
    """Of a variant that takes trained weights over: its architecture."""
    return variant.model_dump(mode="json", exclude=_LATER | _OF_TRAINING)


def pretraining_inputs(variant: Variant) -> Inputs:
    """Of a pre-training, besides its text and seed."""
    record = variant.model_dump(mode="json", exclude=_LATER)
    return record | {"init": _init(variant.init), "pretraining": _pretraining(variant.pretraining)}


def finetuning_inputs(recipe: Finetuning) -> Inputs:
    """Of a fine-tuning, besides what it starts from, its head, task and seed: epochs are idle where steps are given."""
    if recipe.steps is None:
        return recipe.model_dump()
    return recipe.model_dump(exclude={"epochs"}) | {"warmup": recipe.warmup_steps(recipe.steps)}


def head_inputs(head: PoolingConfig, pair: bool) -> Inputs:
    """Of a task head: only pairs are compared, and what compares them pools nothing."""
    if pair and head.pair == "compare":
        return head.model_dump(include={"pair", "dropout"})
    return head.model_dump(exclude={"pair"})


def _init(init: Init) -> Inputs:
    sinusoidal = init.positions == "sinusoidal"
    return init.model_dump(exclude=set() if sinusoidal else {"position_amplitude", "position_base"})


def _pretraining(recipe: Pretraining) -> Inputs:
    """Tokens and shares count only for the steps that they make, and a length that no step reads not at all."""
    told = recipe.model_dump(exclude={"tokens", "short_share", "short_length"})
    short = recipe.short_steps and {recipe.short_length: recipe.short_batch_tokens}
    told |= {"steps": recipe.steps, "short_steps": recipe.short_steps, "short": short}
    return told | {"warmup": recipe.warmup_steps(recipe.steps)}
