"""The parameters of a model by depth, from the embedding to the head."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from zoo.blocks.features import ReadsLayers
from zoo.blocks.layer import LayerStack
from zoo.core.errors import ZooError


def layer_lists(model: ReadsLayers, n_layers: int) -> list[nn.ModuleList]:
    """The encoder's own lists of modules with one entry per layer. Raises ZooError if there is none."""
    lists = [child for child in model.encoder.children() if isinstance(child, nn.ModuleList) and len(child) == n_layers]
    if not lists:
        raise ZooError(
            f"encoder {type(model.encoder).__name__} has no nn.ModuleList with one entry per layer, so layers have no "
            "weights of their own; leave out layer_decay, frozen_layers, unfreezing and reinitialized_layers"
        )
    return lists


def droppable_layers(model: ReadsLayers) -> nn.ModuleList:
    """The layers of an encoder that can be left out one by one. Raises ZooError if there are none."""
    encoder = model.encoder
    if not isinstance(encoder, LayerStack) or not len(encoder.layers):
        raise ZooError(
            f"encoder {type(encoder).__name__} has no layers as those of a zoo.blocks.LayerStack, of which single ones "
            "could be skipped; leave out layer_drop"
        )
    return encoder.layers


def by_depth(model: ReadsLayers, n_layers: int) -> list[list[nn.Parameter]]:
    """The embedding's parameters, those of each layer, and all others, as a final norm's and the head's.

    A parameter that several depths share belongs to the lowest. Raises ZooError if layers have no weights of their own.
    """
    layers = zip(*layer_lists(model, n_layers), strict=True)
    depths: list[Iterable[nn.Module]] = [[model.embedding], *layers, [model]]
    seen: set[nn.Parameter] = set()
    found = []
    for modules in depths:
        found.append([p for module in modules for p in module.parameters() if p not in seen])
        seen.update(found[-1])
    return found
