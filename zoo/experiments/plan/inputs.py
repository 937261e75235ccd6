"""What the phases of a variant's training depend on, without names and unused fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TypeAlias

from zoo.core.specs import Distillation, Finetuning, Init, PoolingConfig, Pretraining, Pruning, Reading, Variant

Inputs: TypeAlias = dict[str, object]

_LATER = {"name", "paper", "adaptation", "finetuning", "distillation", "head", "pruning", "quantization"}
_OF_TRAINING = {"init", "pretraining", "packing", "masking"}
_HEAD_READS = {"features", "frozen", "lstm_width", "lstm_layers"}


def start_of(variant: Variant, weights: str | None, text: Inputs, teacher: Callable[[], Inputs]) -> Inputs:
    """For a variant's weights before fine-tuning, besides a seed: the hash of a folder's, or what it is pre-trained on,
    and where it has one, the same of its teacher.
    """
    record = variant.distillation
    if weights is not None:
        return {"weights": weights, "variant": start_inputs(variant)}
    if record.inherits:
        how: Inputs = {"init": _init(variant.init), "layers": record.layer_numbers}
        return {"teacher": teacher(), "variant": start_inputs(variant)} | how
    made = text | {"variant": pretraining_inputs(variant)}
    if not record.in_pretraining:
        return made
    return made | {"distillation": distillation_inputs(record) | {"layers": record.layer_numbers, "teacher": teacher()}}


def after_teachers(names: Iterable[str], teacher_of: Callable[[str], str | None]) -> list[str]:
    """Variants and all their teachers, each after its own."""
    found: dict[str, None] = {}

    def add(name: str) -> None:
        if (teacher := teacher_of(name)) is not None:
            add(teacher)
        found[name] = None

    for name in names:
        add(name)
    return list(found)


def start_inputs(variant: Variant) -> Inputs:
    """For a variant that starts from a checkpoint: its architecture."""
    return variant.model_dump(mode="json", exclude=_LATER | _OF_TRAINING)


def pretraining_inputs(variant: Variant) -> Inputs:
    """For a pre-training, besides its text and seed."""
    record = variant.model_dump(mode="json", exclude=_LATER)
    return record | {"init": _init(variant.init), "pretraining": _pretraining(variant.pretraining)}


def adaptation_inputs(variant: Variant) -> Inputs:
    """For going on with a task's text, besides that, its start and a seed: all that makes and teaches the model."""
    phase = variant.adaptation.phase(variant.pretraining)
    return pretraining_inputs(variant.model_copy(update={"pretraining": phase}))


def finetuning_inputs(recipe: Finetuning, reads: Set[str]) -> Inputs:
    """For a fine-tuning, besides its initial weights, head, task and seed; epochs are unused if steps are given."""
    inputs = recipe.model_dump(exclude={*Reading.model_fields} | _HEAD_READS) | reading_inputs(recipe, reads)
    inputs["features"] = recipe.feature_config and recipe.feature_config.model_dump()
    unused = [*([] if recipe.early_stopping else ["patience"]), *([] if recipe.ways else ["augmented"])]
    if recipe.micro_batch is None or recipe.micro_batch >= recipe.batch_size:
        unused.append("micro_batch")
    for name in (*unused, "synonym_file"):
        del inputs[name]
    if recipe.steps is not None:
        del inputs["epochs"]
        inputs["warmup"] = recipe.warmup_steps(recipe.steps)
    return inputs


def distillation_inputs(record: Distillation) -> Inputs:
    """For learning from a teacher in one phase, besides the teacher: what has no weight is unused."""
    unused = {"teacher", "phase", "layers"}
    if not record.logits:
        unused.add("temperature")
    if not record.hidden:
        unused.add("hidden_distance")
    if not record.hidden and not record.attention:
        unused.add("layer_map")
    if not record.relations:
        unused.add("relation_heads")
    return record.model_dump(exclude=unused)


def pruning_inputs(pruning: Pruning) -> Inputs:
    """For what is taken out of a model: nothing of how, if nothing is."""
    return pruning.model_dump() if pruning.takes else {}


def shared_finetunings(variants: Sequence[Variant], origins: Mapping[str, str]) -> dict[str, str]:
    """By variant, the one under whose name it is fine-tuned: for one that is compressed afterwards, the first with the
    same fine-tuning, which is rather one that is not compressed. `origins` say the same of pre-training.
    """
    first: dict[str, str] = {}
    for variant in sorted(variants, key=lambda variant: variant.is_compressed):
        first.setdefault(_until_compressed(variant, origins), variant.name)
    return {v.name: first[_until_compressed(v, origins)] if v.is_compressed else v.name for v in variants}


def _until_compressed(variant: Variant, origins: Mapping[str, str]) -> str:
    left_out = {"name", "paper", "quantization"} | (set() if variant.pruning.in_training else {"pruning"})
    return f"{origins[variant.name]} {variant.model_dump_json(exclude=left_out)}"


def reading_inputs(reading: Reading, reads: Set[str]) -> Inputs:
    """For predictions, besides a model and a task: those of the fields that the task's kind reads."""
    windows = {"stride": reading.stride_of(reading.max_length)} if "stride" in reads else {}
    return reading.model_dump(include={*reads}) | windows


def head_inputs(head: PoolingConfig, pair: bool) -> Inputs:
    """For a task head: only pairs are compared, and a head that compares them has no pooling."""
    if pair and head.pair == "compare":
        return head.model_dump(include={"pair", "dropout", "output_bias"})
    return head.model_dump(exclude={"pair"})


def _init(init: Init) -> Inputs:
    sinusoidal = init.positions == "sinusoidal"
    return init.model_dump(exclude=set() if sinusoidal else {"position_amplitude", "position_base"})


def _pretraining(recipe: Pretraining) -> Inputs:
    """Tokens and shares count only through the steps that they make; a length that no step reads does not count."""
    inputs = recipe.model_dump(exclude={"tokens", "short_share", "short_length"})
    short = recipe.short_steps and {recipe.short_length: recipe.short_batch_tokens}
    inputs |= {"steps": recipe.steps, "short_steps": recipe.short_steps, "short": short}
    return inputs | {"warmup": recipe.warmup_steps(recipe.steps)}
