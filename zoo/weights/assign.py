"""Stored tensors into a model: mapped from the file, or copied into the model's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set

import torch
from torch import Tensor, nn

from zoo.weights.safetensors_files import SafetensorsFiles

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def common_dtype(store: SafetensorsFiles, stored: Mapping[str, str]) -> torch.dtype:
    """The type of all tensors, or float32 if they differ."""
    found = {DTYPES[store.entries[name].dtype] for name in stored.values()}
    return found.pop() if len(found) == 1 else torch.float32


def assign(
    model: nn.Module,
    store: SafetensorsFiles,
    stored: Mapping[str, str],
    dtype: torch.dtype,
    transposed: Set[str] = frozenset(),
) -> None:
    """Make the stored tensors the model's own, given their stored names by the model's.

    They stay mapped to the file, which costs no memory until they are read or changed; the file itself is never
    changed. Only a `dtype` other than the file's needs a copy. Where several of ours have one stored name, it holds
    them one after another, in the order of the mapping. Those whose stored names are `transposed` are copied.
    """
    divided = _divided(model, store, stored, transposed)
    model.load_state_dict({name: tensor.to(dtype) for name, tensor in divided}, assign=True)


def copy(model: nn.Module, store: SafetensorsFiles, stored: Mapping[str, str]) -> None:
    """Copy the stored tensors into the model's, given their stored names by the model's."""
    model.load_state_dict(dict(_divided(model, store, stored)))


def _divided(
    model: nn.Module, store: SafetensorsFiles, stored: Mapping[str, str], transposed: Set[str] = frozenset()
) -> Iterator[tuple[str, Tensor]]:
    ours: dict[str, list[str]] = defaultdict(list)
    for name, theirs in stored.items():
        ours[theirs].append(name)
    expected = model.state_dict()
    for theirs, tensor in store.read(ours):
        tensor, names = tensor.T.contiguous() if theirs in transposed else tensor, ours[theirs]
        parts = [tensor] if len(names) == 1 else torch.split(tensor, [len(expected[name]) for name in names])
        yield from zip(names, parts, strict=True)
