"""The variant that a checkpoint folder holds, read without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zoo.core.errors import ZooError
from zoo.core.specs import PartRef, Variant
from zoo.weights.files import CONFIG
from zoo.weights.folder import TOKENIZER_CONFIG, CheckpointFolder, Objectives
from zoo.weights.folder_names import name_of
from zoo.weights.format import OWN_HEAD, POOL, TASK, UNTIED_DECODER, CheckpointFormat
from zoo.weights.formats import Formats
from zoo.weights.match import head_use
from zoo.weights.stored_heads import HEAD_KINDS, StoredHeads, find_heads


@dataclass(frozen=True)
class HuggingFaceModel:
    """A folder of the Hugging Face format: its model, and the names of its heads' weights."""

    format: CheckpointFormat
    variant: Variant
    objectives: Objectives
    heads: StoredHeads


def variant_in(folder: CheckpointFolder, formats: Formats) -> Variant:
    """The variant that a folder holds, named after the folder. Raises ZooError."""
    if folder.variant:
        return folder.variant.model_copy(update={"name": name_of(folder.path)})
    return read_huggingface(folder, formats).variant


def read_huggingface(folder: CheckpointFolder, formats: Formats) -> HuggingFaceModel:
    """What a folder of the Hugging Face format holds. Raises ZooError if the zoo does not support it."""
    config, where = folder.config, str(folder.path / CONFIG)
    format = formats.of(config, where)
    variant = format.variant(config, name_of(folder.path), where)
    heads = find_heads(format, folder)
    head = head_use(format, config, heads.used, variant.dims.dropout, where)
    variant = variant.model_copy(
        update={
            "objectives": _objectives(format, variant, heads.used),
            "tokenizer": tokenizer_use(folder, formats),
        }
    )
    on_top = tuple(TASK if head in (*HEAD_KINDS, OWN_HEAD) else head for head in heads.used if head != UNTIED_DECODER)
    objectives = Objectives(names=on_top, head=head)
    return HuggingFaceModel(format=format, variant=variant, objectives=objectives, heads=heads)


def tokenizer_use(folder: CheckpointFolder, formats: Formats) -> PartRef:
    """The tokenizer for the class that a folder names, with its options; the family's if it names none.

    Raises ZooError if an option is neither true nor false.
    """
    format = formats.of(folder.config, str(folder.path / CONFIG))
    named = folder.tokenizer_class
    owner = next((each for each in formats.values() if named in each.tokenizer_classes), None)
    used = (owner or format).base.tokenizer
    if named and not owner:
        return PartRef(name=used.name)
    return PartRef(name=used.name, options={**used.options, **_tokenizer_options(folder, owner or format)})


def _tokenizer_options(folder: CheckpointFolder, format: CheckpointFormat) -> dict[str, Any]:
    options = {}
    for setting in format.tokenizer:
        value = folder.tokenizer_config.get(setting.theirs)
        if not isinstance(value, bool | None):
            where = folder.path / TOKENIZER_CONFIG
            raise ZooError(f"{where}: {setting.theirs} should be true or false, not {value!r:.60}")
        if value is not None:
            options[setting.ours] = setting.read(value, folder.tokenizer_config)
    return options


def untied(format: CheckpointFormat, objectives: Iterable[PartRef]) -> tuple[PartRef, ...]:
    """The same objectives, with an output layer that has its own table."""
    own = {"tied": False}
    return tuple(
        PartRef(name=used.name, options=used.options | own) if used.name == format.untied_objective else used
        for used in objectives
    )


def _objectives(format: CheckpointFormat, variant: Variant, heads: tuple[str, ...]) -> tuple[PartRef, ...]:
    """The pre-training objectives among the heads; those of the paper where a checkpoint has none."""
    in_use = {used.name: used for used in variant.objectives}
    not_objectives = (*HEAD_KINDS, OWN_HEAD, POOL, UNTIED_DECODER)
    found = [in_use.get(head, PartRef(name=head)) for head in heads if head not in not_objectives]
    return (untied(format, found) if UNTIED_DECODER in heads else tuple(found)) or variant.objectives
