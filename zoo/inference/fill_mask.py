"""Words for masks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from zoo.core.batch import Encoding
from zoo.core.errors import ZooError
from zoo.core.interfaces import Objective, Tokenizer
from zoo.model import Model
from zoo.text.collate import collate
from zoo.text.encoding import log_cut


@dataclass(frozen=True)
class Candidate:
    """A candidate piece for a mask, and its probability."""

    piece: str
    probability: float


def fill(model: Model, text: str, *, top: int = 5) -> list[list[Candidate]]:
    """The most probable pieces for each mask of a text, masks in order.

    A mask is written as in the model's tokenizer, such as "[MASK]". Raises ZooError if the model predicts no masked
    tokens, or the text holds no mask, or one beyond the last token that the model reads; texts cut after their masks
    are logged.
    """
    objective = mask_objective(model)
    if objective is None:
        has = ", ".join(model.objective_names) or "an encoder alone"
        raise ZooError(f"the model {model.variant.name!r} has no output layer for masked tokens, only {has}")
    if objective.causal:
        raise ZooError(f"the model {model.variant.name!r} reads from left to right, and predicts no masked tokens")
    tokenizer = model.text_tokenizer.parsing_special()
    encoding, mask = _framed(tokenizer, text, model.variant.dims.max_length), tokenizer.mask_id
    with model.eval_mode() as device:
        batch = collate([encoding]).to(device)
        batch = replace(batch, targets=torch.where(batch.ids == mask, batch.ids, batch.targets))
        output = objective(model.hidden(batch), batch, model.embedding.tokens.weight)
        found = output.logits.float().softmax(dim=1).topk(min(top, output.logits.shape[1]), dim=1)
    return [
        [Candidate(_piece(tokenizer, index), value) for index, value in zip(ids, values, strict=True)]
        for ids, values in zip(found.indices.tolist(), found.values.tolist(), strict=True)
    ]


def mask_objective(model: Model) -> Objective | None:
    """The first objective of a model that can fill masks, if there is one."""
    objectives = map(model.objective, model.objective_names)
    return next((objective for objective in objectives if objective.fills_masks), None)


def _framed(tokenizer: Tokenizer, text: str, max_length: int) -> Encoding:
    """The text as one sequence with all its masks. Raises ZooError if it has none, or one is cut off."""
    ids = tokenizer.encode([text])[0]
    encoding = tokenizer.join(ids, None, max_length)
    n_masks, n_left = (int((these == tokenizer.mask_id).sum()) for these in (ids, encoding.ids))
    if not n_masks:
        raise ZooError(f"the text holds no mask; write {tokenizer.special_names.get('mask', 'its name')!r} for it")
    if n_left < n_masks:
        which = "the mask lies" if n_masks == 1 else f"{n_masks - n_left} of {n_masks} masks lie"
        raise ZooError(f"{which} beyond token {max_length:,}, the last that is read; shorten the text before it")
    log_cut(int(len(encoding) < len(ids) + tokenizer.n_special(False)), 1, max_length)
    return encoding


def _piece(tokenizer: Tokenizer, index: int) -> str:
    special = {getattr(tokenizer, f"{role}_id"): name for role, name in tokenizer.special_names.items()}
    return special.get(index) or tokenizer.decode([index]).strip()
