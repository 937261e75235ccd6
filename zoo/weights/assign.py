"""Stored tensors into a model: mapped from the file, or copied into the model's own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from zoo.weights.safetensors_files import SafetensorsFiles

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def common_dtype(store: SafetensorsFiles, stored: Mapping[str, str]) -> torch.dtype:
    """The type of all tensors, or float32 if they differ."""
    found = {DTYPES[store.entries[name].dtype] for name in stored.values()}
    return found.pop() if len(found) == 1 else torch.float32


def assign(model: nn.Module, store: SafetensorsFiles, stored: Mapping[str, str], dtype: torch.dtype) -> None:
    """Make the stored tensors the model's own, given their stored names by the model's.

    They stay mapped to the file, which costs no memory until they are read or changed; the file itself is never
    changed. Only a `dtype` other than the file's needs a copy.
    """
    ours = {name: key for key, name in stored.items()}
    state: dict[str, Tensor] = {ours[name]: tensor.to(dtype) for name, tensor in store.read(stored.values())}
    model.load_state_dict(state, assign=True)


def copy(model: nn.Module, store: SafetensorsFiles, stored: Mapping[str, str]) -> None:
    """Copy the stored tensors into the model's, given their stored names by the model's."""
    ours = {name: key for key, name in stored.items()}
    model.load_state_dict({ours[name]: tensor for name, tensor in store.read(stored.values())})
