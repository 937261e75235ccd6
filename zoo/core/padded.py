"""Sequences with padding, as other libraries and file formats have them: what is packed keeps the padding in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.core.batch import Batch, Predicted
from zoo.core.layout import Layout, Unread


@dataclass(frozen=True)
class PaddedLayout(Layout):
    """Sequences of a rectangle [B, S] laid end to end with their padding: T is B times S.

    Nothing here depends on the values of the mask, so that a program can be made for all batches. Padding is not
    attended to, and counts in no sum. Texts begin at the first place. Raises Unrecordable where lengths are asked for.
    """

    lengths: tuple[int, ...] = Unread()
    mask: Tensor | None = None
    """Which places of the rectangle hold tokens; bool. [B, S]"""

    @property
    def is_padded(self) -> bool:
        """Yes."""
        return True

    @property
    def is_rectangle(self) -> bool:
        """No: what pads differs from sequence to sequence."""
        return False

    @property
    def inside(self) -> Tensor:
        """The mask. [B, S]"""
        assert self.mask is not None
        return self.mask

    @property
    def n_sequences(self) -> int:
        """B."""
        return self.inside.shape[0]

    @property
    def longest(self) -> int:
        """S."""
        return self.inside.shape[1]

    @property
    def n_tokens(self) -> int:
        """T, padding included."""
        return self.inside.numel()

    @property
    def sizes(self) -> Tensor:
        """The lengths as a tensor. [B]"""
        return self.inside.sum(dim=1)

    @property
    def starts(self) -> Tensor:
        """The index of each sequence's first token. [B]"""
        return torch.arange(self.n_sequences) * self.longest

    @property
    def sequence_of(self) -> Tensor:
        """The sequence that each place belongs to. [T]"""
        return torch.arange(self.n_sequences)[:, None].expand_as(self.inside).flatten()

    @property
    def positions(self) -> Tensor:
        """The place of each token in its sequence, from 0. [T]"""
        return torch.arange(self.longest).expand_as(self.inside).flatten()

    def pad(self, packed: Tensor) -> tuple[Tensor, Tensor]:
        """The rectangle [B, S, ...] of a packed [T, ...], zeros at padding, and the mask [B, S]."""
        padded = packed.view(*self.inside.shape, *packed.shape[1:])
        return padded.masked_fill(~self.inside.view(*self.inside.shape, *[1] * (packed.ndim - 1)), 0), self.inside

    def pack(self, padded: Tensor) -> Tensor:
        """The packed [T, ...] of a rectangle [B, S, ...]."""
        return padded.flatten(0, 1)

    def sum(self, packed: Tensor) -> Tensor:
        """Each sequence's sum over its tokens. [T, ...] -> [B, ...]"""
        return self.pad(packed)[0].sum(1)


@dataclass(frozen=True)
class PaddedBatch(Batch):
    """A batch with padding in it. Where targets are asked for, every place is predicted."""

    @property
    def has_pairs(self) -> bool:
        """Not known without looking at values."""
        return False

    def predicted(self, name: str, targets: object, reads: Tensor, *, exactly: bool = False) -> Predicted:
        """Every place, whatever its target."""
        places = torch.arange(self.layout.n_tokens)
        return Predicted(places, self.targets, torch.tensor(1))


def padded_batch(ids: Tensor, mask: Tensor, segments: Tensor, special_ids: Tensor) -> PaddedBatch:
    """A batch of a rectangle of ids [B, S], where the mask is 1, with the segment of each token."""
    flat, padding = ids.flatten(), ~mask.bool().flatten()
    special = (flat[:, None] == special_ids).any(dim=1) | padding if len(special_ids) else padding
    return PaddedBatch(
        ids=flat,
        segments=segments.flatten(),
        special=special,
        layout=PaddedLayout(mask=mask.bool()),
        targets=flat,
    )
