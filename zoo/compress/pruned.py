"""A smaller model from what pruning leaves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoo.blocks.units import Units
from zoo.core.compression import Pruning, kept_layers, n_kept
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.train.pruning import chosen, matrices_in, units_in, zero_smallest


@torch.no_grad()
def pruned(model: Model, pruning: Pruning, found: Sequence[Tensor], catalog: Catalog) -> Model:
    """The model without the layers, heads and units that a recipe takes out, and with its zeros.

    `found` are the importances of all units. Embedding and objectives are shared with the given model, whose
    encoder stays as it is. Raises ZooError as `Catalog.assemble` does.
    """
    small = _smaller(model, pruning, found, catalog)
    if pruning.weights and pruning.when != "during":  # then they are zero already
        zero_smallest(matrices_in(small.encoder), pruning.weights, pruning.scope)
    return small


def _smaller(model: Model, pruning: Pruning, found: Sequence[Tensor], catalog: Catalog) -> Model:
    variant = model.variant.as_pruned(pruning)
    encoder = catalog.assemble(variant).encoder
    taken = _taken(units_in(model.encoder), found, {"heads": pruning.heads, "ffn": pruning.ffn})
    layers = _renumbered(model.encoder, model.variant.dims.n_layers, pruning)
    state = {}
    for name, value in model.encoder.state_dict(keep_vars=True).items():
        if (ours := layers(name)) is not None:
            axis, places = taken.get(id(value), (0, None))
            state[ours] = value if places is None else value.index_select(axis, places)
    encoder.load_state_dict(state)
    encoder.to(next(model.parameters()).device)
    objectives = {name: model.objective(name) for name in model.objective_names}
    small = Model(variant, model.embedding, encoder, objectives, causal=model.causal)
    small.tokenizer, small.origin = model.tokenizer, model.origin
    return small.train(model.training)


def _taken(units: Sequence[Units], found: Sequence[Tensor], shares: dict[str, float]) -> dict[int, tuple[int, Tensor]]:
    """By the identity of a weight, which of its rows (0) or columns (1) stay."""
    taken: dict[int, tuple[int, Tensor]] = {}
    for its, importance in zip(units, found, strict=True):
        kept = chosen(importance, n_kept(its.n, shares[its.kind]))
        columns = its.spread(kept).nonzero().flatten()
        taken[id(its.output.weight)] = 1, columns
        for layer in its.inputs:
            taken |= {id(each): (0, columns) for each in layer.parameters()}
    return taken


class _Renumbered:
    """The names of an encoder's weights in the encoder of fewer layers; None if their layer is gone."""

    def __init__(self, lists: Sequence[str], kept: Sequence[int]) -> None:
        self._lists, self._places = set(lists), {str(layer): place for place, layer in enumerate(kept)}

    def __call__(self, name: str) -> str | None:
        top, _, rest = name.partition(".")
        if top not in self._lists:
            return name
        number, _, rest = rest.partition(".")
        return f"{top}.{self._places[number]}.{rest}" if number in self._places else None


def _renumbered(encoder: nn.Module, n_layers: int, pruning: Pruning) -> _Renumbered:
    lists = [
        name for name, child in encoder.named_children() if isinstance(child, nn.ModuleList) and len(child) == n_layers
    ]
    return _Renumbered(lists if pruning.layers else (), kept_layers(n_layers, pruning))
