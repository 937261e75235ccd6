"""What a frozen encoder gives of a sequence, computed once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from zoo.core.batch import Batch
from zoo.model import Model

MOST_BYTES = 2 << 30
"""The most memory of what is kept; what comes later is computed whenever it is needed."""


@dataclass
class KeptStates:
    """A function of batches that is asked once for each sequence: [K, T, H], a batch's sequences end to end.

    Sequences are known by their content. A batch with one that is not kept is computed as a whole.
    """

    compute: Callable[[Batch], Tensor]
    most_bytes: int = MOST_BYTES
    n_bytes: int = 0
    _kept: dict[bytes, Tensor] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> Tensor:
        """[K, T, H], computed or kept; never with a gradient."""
        keys = _keys(batch)
        found = [self._kept.get(key) for key in keys]
        if all(states is not None for states in found):
            return torch.cat([states for states in found if states is not None], dim=1)
        with torch.no_grad():
            computed = self.compute(batch)
        for key, states in zip(keys, torch.split(computed, list(batch.layout.lengths), dim=1), strict=True):
            self._keep(key, states)
        return computed

    def _keep(self, key: bytes, states: Tensor) -> None:
        size = states.numel() * states.element_size()
        if key not in self._kept and self.n_bytes + size <= self.most_bytes:
            self._kept[key] = states.clone()
            self.n_bytes += size


@contextmanager
def keeping(model: Model) -> Iterator[None]:
    """Inside, a model with a frozen encoder reads each sequence once."""
    if model.frozen and model.features is not None:
        model.kept = KeptStates(model.selected)
    try:
        yield
    finally:
        model.kept = None


def _keys(batch: Batch) -> list[bytes]:
    """What an encoder reads of each sequence."""
    read = torch.stack([batch.ids, batch.segments, batch.token_types]).cpu().numpy()
    ends = np.cumsum(batch.layout.lengths)[:-1]
    return [part.tobytes() for part in np.split(read, ends, axis=1)]
