"""Counting parameters on the module: what is stored, and what a token meets on its way."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.auditing.counts import Counts
from zoo.blocks import Pooler, TokenPrediction
from zoo.core.batch import Batch, Layout
from zoo.core.meta import without_memory
from zoo.core.specs import Variant
from zoo.model import Model
from zoo.registry.catalog import Catalog


def on_meta(catalog: Catalog, variant: Variant) -> Model:
    """The variant's module without memory for its weights. Raises as `Catalog.build`."""
    with without_memory():
        return catalog.build(variant)


def module_counts(model: Model) -> Counts:
    """The count under each definition, a tensor that several layers use counted once."""
    with without_memory():
        pooler = Pooler(model.variant.dims.hidden_width)
    encoder = stored(model)
    objectives = [model.objective(name) for name in model.objective_names]
    behind = [each for each in objectives if each.reads != "embedded"]
    heads = [head for head in behind if any(isinstance(m, TokenPrediction) for m in head.modules())]
    return Counts(
        encoder=encoder,
        encoder_pooler=encoder + _n_parameters(pooler),
        mlm=encoder + _n_parameters(heads[0]) if heads else None,
        pretraining=None if any(each.cannot_pretrain for each in objectives) else _n_parameters(model),
    )


def part_counts(model: Model) -> dict[str, int]:
    """The parameters of each part, by its name."""
    variant = model.variant
    objectives = {used.name: model.objective(used.name) for used in variant.objectives}
    parts = {variant.embedding.name: model.embedding, variant.encoder.name: model.encoder, **objectives}
    return {name: _n_parameters(part) for name, part in parts.items()}


def stored(model: Model) -> int:
    """The parameters of embedding and encoder, each counted once however often it is used."""
    return _n_parameters(nn.ModuleList([model.embedding, model.encoder]))


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
            model.eval().hidden(_one_token(next(model.parameters()).device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return total


def _n_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _one_token(device: torch.device) -> Batch:
    zero: Tensor = torch.zeros(1, dtype=torch.int64, device=device)
    return Batch(ids=zero, segments=zero, special=zero.bool(), layout=Layout((1,), device), targets=zero, order=(0,))
