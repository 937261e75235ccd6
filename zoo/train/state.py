"""Everything that a run needs to resume, besides the weights: optimizer, step and position in the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from zoo.core.errors import ZooError
from zoo.core.specs import Record, read_record
from zoo.weights.checkpoint import save_tensors

STATE = "state.json"
OPTIMIZER = "optimizer.safetensors"


class TrainingState(Record):
    """How far a run has come: the next batch to read, and sums over the steps done."""

    step: int
    position: tuple[int, int, int]
    tokens: int = 0
    seconds: float = 0.0
    labels: dict[str, dict[str, int]]
    processes: int = 1
    gradient_accumulation_steps: int = 1


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimizer's state by parameter, as `encoder.layers.0.norm.weight/mean`.

    Of a sharded optimizer, the whole state on the leading process and nothing elsewhere; all have to ask.
    """
    consolidate = getattr(optimizer, "consolidate_state_dict", None)
    if consolidate is not None:
        consolidate(to=0)
        if torch.distributed.get_rank() != 0:
            return {}
    state = optimizer.state_dict()["state"]
    names = _names(model, optimizer)
    return {f"{names[index]}/{key}": value for index, values in state.items() for key, value in values.items()}


def save_state(folder: Path, tensors: dict[str, Tensor], progressed: TrainingState) -> None:
    """Write the files that `load_state` reads."""
    save_tensors(folder / OPTIMIZER, tensors)
    write_progress(folder, progressed)


def write_progress(folder: Path, progressed: TrainingState) -> None:
    """Write the file that `read_progress` reads."""
    (folder / STATE).write_text(progressed.model_dump_json(indent=1), encoding="utf-8")


def read_progress(folder: Path) -> TrainingState:
    """How far a saved run had come. Raises ZooError if that cannot be read."""
    return read_record(TrainingState, folder / STATE, "a run's state")


def load_optimizer(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Fill an optimizer, sharded or not, with a folder's state. Raises ZooError if it is another model's."""
    path = folder / OPTIMIZER
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ZooError(f"cannot load {path}: {' '.join(str(error).split())}") from error
    state: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        parameter, _, key = name.rpartition("/")
        state.setdefault(parameter, {})[key] = tensor
    names = _names(model, optimizer)
    if set(state) - set(names):
        raise ZooError(f"{path} is the state of another model: it has {', '.join(sorted(set(state) - set(names))[:3])}")
    by_index = {index: state[name] for index, name in enumerate(names) if name in state}
    optimizer.load_state_dict({"state": by_index, "param_groups": _groups(optimizer)})


def _groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """The parameter groups as a state dict has them, parameters as running numbers."""
    groups, start = [], 0
    for group in optimizer.param_groups:
        n = len(group["params"])
        groups.append({**group, "params": list(range(start, start + n))})
        start += n
    return groups


def _names(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    """The parameters' names in the optimizer's order."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
