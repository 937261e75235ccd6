"""Where the sequences of a packed batch begin and end; what follows from it is made on the CPU and sent once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

CPU = torch.device("cpu")


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on another device; to a GPU it goes from pinned memory, and nothing waits for it."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


class _Table:
    """A tensor that follows from the lengths, made on the CPU: a device would be waited for to say its size.

    Those of all batches are made with NumPy: in a thread of its own, torch would begin with threads for it.
    """

    def __init__(self, make: Callable[[Any], Tensor]) -> None:
        self._make, self._name = make, make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, layout: Layout | None, owner: type | None = None) -> Tensor:
        if layout is None:
            return self  # type: ignore[return-value]  # asked of the class, as documentation does
        if self._name not in layout.tables:
            on_cpu = layout.device == CPU
            made = self._make(layout) if on_cpu else send(getattr(layout.on_cpu, self._name), layout.device)
            layout.tables[self._name] = made
        return layout.tables[self._name]


@dataclass(frozen=True)
class Layout:
    """Where each sequence of a packed batch begins and ends; if `causal`, tokens see only themselves and earlier
    ones.

    Its padded rectangles have room for `room` tokens a sequence, or for the longest if that is more.
    """

    lengths: tuple[int, ...]
    device: torch.device = CPU
    causal: bool = False
    room: int = 0
    types: Tensor | None = field(default=None, repr=False, compare=False)
    """What a segment embedding reads of each token, for an encoder that `reads_types`. [T]"""

    @property
    def n_sequences(self) -> int:
        """B."""
        return len(self.lengths)

    @cached_property
    def n_tokens(self) -> int:
        """T."""
        return sum(self.lengths)

    @cached_property
    def longest(self) -> int:
        """S, the width of padded rectangles."""
        return max(self.room, *self.lengths)

    @cached_property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """Runs of adjacent sequences of equal length, as (how many, length); few if sequences are sorted by length."""
        return tuple((sum(1 for _ in run), length) for length, run in groupby(self.lengths))

    @cached_property
    def is_rectangle(self) -> bool:
        """Whether all sequences have one length."""
        return len(set(self.lengths)) == 1

    @property
    def is_padded(self) -> bool:
        """Whether what is packed has padding in it, as PaddedLayout says."""
        return False

    @cached_property
    def on_cpu(self) -> Layout:
        """The same on the CPU, where its tensors are made."""
        return replace(self, device=CPU)

    def as_causal(self) -> Layout:
        """The same, each token seeing only itself and earlier ones; it shares what was already sent."""
        return self._sharing(causal=True)

    def with_types(self, types: Tensor) -> Layout:
        """The same with the types of tokens; it shares what was already sent."""
        return self._sharing(types=types)

    def _sharing(self, **fields: Any) -> Layout:
        made = replace(self, **fields)
        made.__dict__["tables"] = self.tables
        return made

    def of_shape(self) -> Layout:
        """The same as far as it is for all batches of a shape: of several lengths, how many sequences and tokens there
        are and the longest length. It shares what was already sent.
        """
        if self.is_rectangle or isinstance(self, ShapeLayout):
            return self
        shape = self.n_sequences, self.n_tokens, self.longest
        made = ShapeLayout(device=self.device, causal=self.causal, types=self.types, shape=shape)
        made.__dict__["tables"] = self.tables
        return made

    @cached_property
    def tables(self) -> dict[str, Tensor]:
        """The tensors below by name, as far as they were asked for, or sent with a batch."""
        return {}

    @_Table
    def sizes(self) -> Tensor:
        """The lengths as a tensor. [B]"""
        return torch.from_numpy(np.array(self.lengths, dtype=np.int64))

    @_Table
    def starts(self) -> Tensor:
        """The index of each sequence's first token. [B]"""
        return self.sizes.cumsum(0) - self.sizes

    @_Table
    def ends(self) -> Tensor:
        """Zero, and how many tokens there are up to each sequence's end, as kernels want it: int32. [B + 1]"""
        return F.pad(self.sizes.cumsum(0), (1, 0)).to(torch.int32)

    @_Table
    def sequence_of(self) -> Tensor:
        """The sequence that each token belongs to. [T]"""
        return torch.from_numpy(np.repeat(np.arange(self.n_sequences), self.sizes.numpy()))

    @_Table
    def positions(self) -> Tensor:
        """The position of each token in its sequence, from 0. [T]"""
        return torch.from_numpy(np.arange(self.n_tokens) - np.repeat(self.starts.numpy(), self.sizes.numpy()))

    @_Table
    def inside(self) -> Tensor:
        """Where the padded rectangle has a token. [B, S]"""
        return torch.arange(self.longest) < self.sizes[:, None]

    @_Table
    def token_at(self) -> Tensor:
        """The token at each place of the padded rectangle; any token beside the sequences. [B, S]"""
        return (self.starts[:, None] + torch.arange(self.longest)).clamp(max=self.n_tokens - 1)

    @_Table
    def place_of(self) -> Tensor:
        """The place of each token in the padded rectangle, row by row. [T]"""
        return self.sequence_of * self.longest + self.positions

    def rectangles(self, packed: Tensor) -> list[Tensor]:
        """The runs of `groups`, without padding: a packed [T, ...] to one [n, length, ...] per group.

        To pack them again, flatten the first two dimensions of each and concatenate.
        """
        if self.is_rectangle:  # a view, where to split would copy the gradient
            return [packed.view(*self.groups[0], *packed.shape[1:])]
        # Split once: slicing each group instead would make the backward pass cost groups x tokens.
        pieces = torch.split(packed, [n * length for n, length in self.groups])
        return [piece.view(*group, *piece.shape[1:]) for piece, group in zip(pieces, self.groups, strict=True)]

    def pad(self, packed: Tensor) -> tuple[Tensor, Tensor]:
        """The rectangle [B, S, ...] of a packed [T, ...], zeros where there is no token, and its mask [B, S]."""
        mask = self.inside
        padded = packed.index_select(0, self.token_at.flatten()).view(*mask.shape, *packed.shape[1:])
        return padded.masked_fill(~mask.view(*mask.shape, *[1] * (packed.ndim - 1)), 0), mask

    def pack(self, padded: Tensor) -> Tensor:
        """The packed [T, ...] of a rectangle [B, S, ...]."""
        return padded.flatten(0, 1).index_select(0, self.place_of)

    def first(self, packed: Tensor) -> Tensor:
        """Each sequence's first token. [T, H] -> [B, H]"""
        return packed.index_select(0, self.starts)

    def last(self, packed: Tensor) -> Tensor:
        """Each sequence's last token. [T, H] -> [B, H]"""
        return packed.index_select(0, self.starts + self.sizes - 1)

    def mean(self, packed: Tensor, where: Tensor | None = None) -> Tensor:
        """Each sequence's mean over its tokens, or over those for which `where` [T] is true; zeros if none is.

        [T, H] -> [B, H]
        """
        if where is None:
            return self.sum(packed) / self.sizes[:, None].to(packed.dtype)
        weights = where.to(packed.dtype)
        return self.sum(packed * weights[:, None]) / self.sum(weights).clamp(min=1)[:, None]

    def sum(self, packed: Tensor) -> Tensor:
        """Each sequence's sum over its tokens. [T, ...] -> [B, ...]

        In a fixed order everywhere; index_add has none on a GPU.
        """
        if packed.device == CPU:
            return packed.new_zeros(self.n_sequences, *packed.shape[1:]).index_add(0, self.sequence_of, packed)
        if packed.is_cuda and packed.is_floating_point() and not torch.is_grad_enabled():
            summed = torch.segment_reduce(packed.float(), "sum", offsets=self.ends, axis=0, unsafe=True, initial=0)
            return summed.to(packed.dtype)
        return self.pad(packed)[0].sum(1)


class Unread(tuple[int, ...]):
    """Numbers of the sequences that differ from batch to batch, while what is done is recorded for all of a shape.

    What depends on them cannot be recorded: reading them raises Unrecordable.
    """

    def _refuse(self, *_: object) -> Any:
        raise Unrecordable("it reads the lengths, order or items of its sequences")

    __iter__ = __len__ = __getitem__ = __contains__ = __bool__ = __add__ = _refuse


class Unrecordable(Exception):
    """What is done with one batch cannot be repeated with the tensors of another."""


@dataclass(frozen=True)
class ShapeLayout(Layout):
    """A layout of which only the sizes are fixed, while what is done is recorded for all batches of its shape."""

    lengths: tuple[int, ...] = Unread()
    shape: tuple[int, int, int] = (0, 0, 0)
    """B, T and S."""

    @property
    def n_sequences(self) -> int:
        """B."""
        return self.shape[0]

    @property
    def n_tokens(self) -> int:
        """T."""
        return self.shape[1]

    @property
    def longest(self) -> int:
        """S."""
        return self.shape[2]

    @property
    def is_rectangle(self) -> bool:
        """No: a rectangle's lengths are fixed, so it is an ordinary layout."""
        return False


def numbers_at(rows: Sequence[int], values: tuple[int, ...]) -> tuple[int, ...]:
    """The values of these rows; empty if there are no values."""
    return tuple(values[row] for row in rows) if values else ()
