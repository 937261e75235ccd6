"""The four definitions of a model's size, and the sizes under them."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from zoo.core.specs import Record

Definition: TypeAlias = Literal["encoder", "encoder_pooler", "mlm", "pretraining"]

DEFINITIONS: tuple[Definition, ...] = get_args(Definition)

LABELS: dict[Definition, str] = {
    "encoder": "encoder",
    "encoder_pooler": "encoder + pooler",
    "mlm": "encoder + MLM head",
    "pretraining": "all pre-training heads",
}


class Counts(Record):
    """Unique parameters, those of tied or shared weights once; None if a definition does not apply.

    `encoder` is embedding and encoder. `encoder_pooler` adds a dense layer of H² + H, whether or not an objective
    brings one. `mlm` adds the head of masked tokens to `encoder`, with its output table unless that is the token table.
    `pretraining` adds all objectives to `encoder`, with the poolers that they bring.
    """

    encoder: int | None = None
    encoder_pooler: int | None = None
    mlm: int | None = None
    pretraining: int | None = None

    def get(self, definition: Definition) -> int | None:
        """The count under one definition."""
        value: int | None = getattr(self, definition)
        return value
