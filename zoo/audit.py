"""Counting parameters: what is stored, and what a token meets on its way."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.batch import Batch, Layout
from zoo.model import Model


def stored(model: Model) -> int:
    """The parameters of embedding and encoder, each counted once however often it is used."""
    parts = nn.ModuleList([model.embedding, model.encoder])
    return sum(parameter.numel() for parameter in parts.parameters())


def executed(model: Model) -> int:
    """The parameters that one token meets: one row of each table, and a layer's weights each time the layer runs."""
    total = 0

    def count(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal total
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        total += module.embedding_dim if isinstance(module, nn.Embedding) else own

    hooks = [m.register_forward_hook(count) for part in (model.embedding, model.encoder) for m in part.modules()]
    training = model.training
    try:
        with torch.no_grad():
            model.eval().encode(_one_token(next(model.parameters()).device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return total


def _one_token(device: torch.device) -> Batch:
    zero: Tensor = torch.zeros(1, dtype=torch.int64, device=device)
    return Batch(ids=zero, segments=zero, special=zero.bool(), layout=Layout((1,), device), targets=zero, order=(0,))
