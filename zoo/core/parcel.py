"""Many small tensors end to end in one buffer, so that one copy brings all of them to a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

ALIGNMENT = 16
"""Every tensor begins at a multiple of so many bytes."""


class Piece(NamedTuple):
    """The place of one tensor in a buffer, in bytes."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + self.dtype.itemsize * prod(self.shape)


Contents: TypeAlias = tuple[Piece, ...]
"""What a buffer holds; equal for tensors of equal names, types and shapes."""


@dataclass(frozen=True)
class Parcel:
    """Tensors of the CPU in one buffer of bytes, in pinned memory if they are for a GPU."""

    contents: Contents
    buffer: Tensor

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], *, pinned: bool = False) -> Parcel:
        """Tensors by name, copied."""
        sizes = [-(-tensor.numel() * tensor.element_size() // ALIGNMENT) * ALIGNMENT for tensor in tensors.values()]
        *starts, total = accumulate(sizes, initial=0)
        contents = tuple(
            Piece(name, tensor.dtype, tuple(tensor.shape), start)
            for (name, tensor), start in zip(tensors.items(), starts, strict=True)
        )
        made = cls(contents, torch.empty(total, dtype=torch.uint8, pin_memory=pinned))
        room = made.buffer.numpy()
        for piece in contents:
            # by NumPy: in a thread of its own, torch would begin with threads for it
            room[piece.start : piece.end] = tensors[piece.name].detach().contiguous().view(-1).view(torch.uint8).numpy()
        return made

    def open(self, device: torch.device) -> dict[str, Tensor]:
        """The tensors by name on a device; nothing waits until they are there."""
        return opened(self.contents, self.buffer.to(device, non_blocking=True))


def opened(contents: Contents, buffer: Tensor) -> dict[str, Tensor]:
    """The tensors of a buffer by name, as views of it."""
    return {piece.name: buffer[piece.start : piece.end].view(piece.dtype).view(piece.shape) for piece in contents}
