"""Rules of what can be pruned and quantized, checked before any work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from zoo.blocks.units import HasUnits
from zoo.core.compression import kept_layers, n_kept
from zoo.core.layout import Unrecordable
from zoo.core.meta import without_memory
from zoo.core.padded import PaddedLayout
from zoo.model import Model
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Task

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""What quantization needs."""


def misfits_in_compression(model: Model, tasks: Iterable[Task]) -> Iterator[str]:
    """Why a model cannot be pruned or quantized as its variant says, and what to do about it."""
    variant = model.variant
    if not variant.is_compressed:
        return
    yield from _units(model)
    yield from _layers(model)
    if variant.pruning.takes and variant.finetuning.feature_config is not None:
        yield "its head reads features of the encoder, which pruning would change; leave out pruning or the features"
    for task in tasks:
        if task_kind(task).by_likelihood:
            yield f"task {task.name!r} is answered as pre-trained, and it is compressed afterwards; leave the task out"
        elif variant.quantization and task.kind == "span-classification":
            yield f"task {task.name!r} marks spans, which a quantized program is not given; leave the task out"
    if variant.quantization and (why := _unexportable(model)):
        yield f"it cannot be quantized, as it cannot be exported to ONNX: {why}"
    missing = [name for name in PACKAGES if variant.quantization and find_spec(name) is None]
    if missing:
        yield f"quantization needs the package {missing[0]}; pip install 'encoder-zoo[onnx]'"


def _unexportable(model: Model) -> str:
    """Why an encoder's program cannot be made for all batches, if it asks for what differs from one to the next."""
    with without_memory():
        layout = PaddedLayout(mask=torch.ones(2, 4, dtype=torch.bool))
        try:
            model.encoder(torch.zeros(8, model.variant.dims.hidden_width), layout)
        except Unrecordable as error:
            return str(error)
        except RuntimeError:  # an operation that needs values; whether it can be exported is seen when it is
            return ""
    return ""


def _units(model: Model) -> Iterator[str]:
    variant = model.variant
    units = [module.units() for module in model.encoder.modules() if isinstance(module, HasUnits)]
    sizes = {"heads": variant.dims.n_heads, "ffn": variant.dims.ffn_width}
    for kind, n in sizes.items():
        share = getattr(variant.pruning, kind)
        if not share:
            continue
        if n is None or kind not in {its.kind for its in units}:
            yield (
                f"encoder {variant.encoder.name!r} has no {kind} that can be taken out one by one: none of its modules "
                f"has a method units(); leave out pruning.{kind}"
            )
        elif n_kept(n, share) == n:
            yield f"pruning.{kind}={share:g} takes out none of {n}; the least is {1 / n:.3g}"


def _layers(model: Model) -> Iterator[str]:
    variant = model.variant
    pruning, n_layers = variant.pruning, variant.dims.n_layers
    if not pruning.layers:
        return
    if pruning.layers >= n_layers:
        yield f"pruning.layers={pruning.layers} leaves none of its {n_layers} layers; lower it"
        return
    lists = [child for child in model.encoder.children() if isinstance(child, nn.ModuleList) and len(child) == n_layers]
    if not lists:
        fewer = f"+dims.n_layers={n_layers - pruning.layers}"
        yield (
            f"layers of encoder {variant.encoder.name!r} have no weights of their own to take out; fewer of "
            f"them are another variant, as {fewer}"
        )
    for child in lists:
        for place, kept in enumerate(kept_layers(n_layers, pruning)):
            if _settings(child[place]) != _settings(child[kept]):
                yield (
                    f"layer {kept + 1} of encoder {variant.encoder.name!r} differs from layer {place + 1}, whose place "
                    "it would take; use pruning.layer_choice=top"
                )
                return


def _settings(layer: nn.Module) -> list[tuple[str, Any]]:
    """What is set in a layer's modules, besides weights."""
    plain = (bool, int, float, str, type(None))
    return [
        (
            f"{name} {type(module).__name__}",
            {key: value for key, value in vars(module).items() if isinstance(value, plain)},
        )
        for name, module in layer.named_modules()
    ]
