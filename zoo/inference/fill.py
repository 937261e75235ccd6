"""Words for masks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from zoo.errors import ZooError
from zoo.inference.vectors import at_rest, frame, tokenizer_for
from zoo.interfaces import Tokenizer
from zoo.model import Model
from zoo.text.collate import collate

OBJECTIVE = "bert.mlm"


@dataclass(frozen=True)
class Candidate:
    """A piece that may stand for a mask, and how probable the model holds it."""

    piece: str
    probability: float


def fill(model: Model, text: str, *, top: int = 5) -> list[list[Candidate]]:
    """The most probable pieces for each mask of a text, masks in order.

    A mask is written as the model's tokenizer calls it, as "[MASK]". Raises ZooError where the model predicts no
    masked tokens, or the text holds no mask.
    """
    if OBJECTIVE not in model.objective_names:
        has = ", ".join(model.objective_names) or "no head"
        raise ZooError(f"the model {model.variant.name!r} has {has}, and no output layer for masked tokens")
    tokenizer = tokenizer_for(model).parsing_special()
    encoding = frame(tokenizer, [text], model.variant.dims.max_length)[0]
    mask = tokenizer.mask_id
    if mask not in encoding.ids:
        raise ZooError(f"the text holds no mask; write {tokenizer.special_names.get('mask', 'its name')!r} for it")
    with at_rest(model) as device:
        batch = collate([encoding]).to(device)
        batch = replace(batch, targets=torch.where(batch.ids == mask, batch.ids, batch.targets))
        output = model.objective(OBJECTIVE)(model.hidden(batch), batch, model.embedding.tokens.weight)
        found = output.logits.float().softmax(dim=1).topk(min(top, output.logits.shape[1]), dim=1)
    return [
        [Candidate(_piece(tokenizer, index), value) for index, value in zip(ids, values, strict=True)]
        for ids, values in zip(found.indices.tolist(), found.values.tolist(), strict=True)
    ]


def _piece(tokenizer: Tokenizer, index: int) -> str:
    special = {getattr(tokenizer, f"{role}_id"): name for role, name in tokenizer.special_names.items()}
    return special.get(index) or tokenizer.decode([index]).strip()
