"""Fields of a variant that say more of another one, which is off: refused, as they would change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from zoo.core.augmentation import TEXT_WAYS, TOKEN_WAYS
from zoo.core.specs import Distillation, Variant

_WAYS = tuple(f"finetuning.{name}" for name in (*TEXT_WAYS, *TOKEN_WAYS))

_TAKEN = tuple(f"pruning.{name}" for name in ("heads", "ffn", "layers", "weights"))

NEEDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pretraining.short_share", ("pretraining.short_length",)),
    ("adaptation.learning_rate", ("adaptation.tokens",)),
    ("adaptation.batch_tokens", ("adaptation.tokens",)),
    ("finetuning.augmented", _WAYS),
    ("finetuning.synonym_file", ("finetuning.synonyms",)),
    ("finetuning.synonyms", ("finetuning.synonym_file",)),
    ("finetuning.patience", ("finetuning.early_stopping",)),
    ("finetuning.lstm_layers", ("finetuning.lstm_width",)),
    *((f"distillation.{name}", ("distillation.teacher",)) for name in Distillation.model_fields if name != "teacher"),
    ("distillation.temperature", ("distillation.logits",)),
    ("distillation.hidden_distance", ("distillation.hidden",)),
    ("distillation.layer_map", ("distillation.hidden", "distillation.attention")),
    ("distillation.relation_heads", ("distillation.relations",)),
    ("pruning.when", _TAKEN),
    ("pruning.scope", ("pruning.weights",)),
    ("pruning.layer_choice", ("pruning.layers",)),
    ("pruning.importance", ("pruning.heads", "pruning.ffn")),
    ("pruning.gradual_share", ("pruning.when=during",)),
)
"""Fields, and the others of which one has to be on, or to have the value given, for the field to count."""


def unread_fields(variant: Variant) -> Iterator[str]:
    """Why fields that are not at their defaults change nothing, and what to do about it."""
    for path, needed in NEEDS:
        value, default = _value(variant, path)
        if value != default and not any(_is_on(variant, other) for other in needed):
            yield f"{path}={value} counts only with {_either(needed)}; give that, too, or leave {path} out"


def _either(paths: tuple[str, ...]) -> str:
    """The first of some fields of a record by its path, the others by their names."""
    *others, last = [path.partition(".")[2] if at else path for at, path in enumerate(paths)]
    return f"{', '.join(others)} or {last}" if others else last


def _is_on(variant: Variant, needed: str) -> bool:
    path, _, wanted = needed.partition("=")
    value, _ = _value(variant, path)
    return value == wanted if wanted else bool(value)


def _value(variant: Variant, path: str) -> tuple[JsonValue, JsonValue]:
    """A field's value and default."""
    record, _, name = path.partition(".")
    its = getattr(variant, record)
    return getattr(its, name), type(its).model_fields[name].default
