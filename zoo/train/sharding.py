"""A model, its gradients and its optimizer's state divided among processes: FSDP2, and checkpoints in shards."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from zoo.core.errors import ZooError

WEIGHTS, OPTIMIZER = "weights/", "optimizer/"
"""What the names of tensors begin with."""

_FLAT = StateDictOptions(flatten_optimizer_state_dict=True)


def shard_model(model: nn.Module, encoder: nn.Module, device: torch.device) -> None:
    """Divide a model that lies on the CPU among all processes, layer by layer, so that none ever holds all of it on
    its device; Zhao et al. 2023, arXiv:2304.11277, and torch.distributed.fsdp.fully_shard.

    Each layer of the encoder is gathered when it runs; embedding and objectives, which share tables, are gathered
    together.
    """
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    for layer in _layers(encoder):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost members of lists of modules, which is how encoders hold their layers."""
    for child in module.children():
        if isinstance(module, nn.ModuleList) and not isinstance(child, nn.ModuleList):
            yield child
        else:
            yield from _layers(child)


def whole_weights(model: nn.Module) -> dict[str, Tensor]:
    """All weights of a divided model on the leading process's CPU, none elsewhere; all processes have to ask."""
    state: dict[str, Any] = get_model_state_dict(
        model, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )
    return state


def save_shards(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write what each process holds of weights and optimizer state; all processes have to call."""
    with _quiet():
        save(_tensors(model, optimizer), storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))


def load_shards(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Fill a model and its optimizer, divided among any number of processes or whole, with saved shards.

    Raises ZooError if they cannot be read, or are another model's.
    """
    tensors = _tensors(model, optimizer)
    try:
        with _quiet():
            load(tensors, storage_reader=HuggingFaceStorageReader(str(folder)))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ZooError(f"cannot load {folder}: {' '.join(str(error).split())[:300]}") from error
    groups: dict[str, Any] = dict(get_optimizer_state_dict(model, optimizer, options=_FLAT))
    set_model_state_dict(model, _below(tensors, WEIGHTS))
    set_optimizer_state_dict(model, optimizer, groups | _below(tensors, OPTIMIZER), options=_FLAT)


def _tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What is saved by name; the settings of parameter groups are the recipe's."""
    state = get_optimizer_state_dict(model, optimizer, options=_FLAT).items()
    kept = {OPTIMIZER + name: value for name, value in state if name.startswith("state.") and isinstance(value, Tensor)}
    weights: dict[str, Any] = get_model_state_dict(model)
    return {WEIGHTS + name: value for name, value in weights.items()} | kept


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Inside, torch.distributed.checkpoint does not warn of its own doings, as that there is one process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
