"""The arrows between the rooms: packed sequences, without padding.

The legend of dimension letters, used in every docstring:
B sequences in a batch, T tokens in a batch, S tokens in the longest sequence, H hidden width,
E embedding width, N attention heads, V vocabulary size, C classes, M predicted (masked) tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.core.seeds import seed_of

IGNORE = -100
"""The target of tokens that are not predicted, and the label of examples without one."""

CPU = torch.device("cpu")

Ids = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Encoding:
    """One sequence as a model reads it: ids, which text each token is of (0 or 1), special tokens marked. All [S].

    `types` replace `segments` in the embedding if the tokenizer numbers texts differently; XLM-R's gives all tokens 0.
    """

    ids: Ids
    segments: Ids
    special: Flags
    types: Ids | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Passage:
    """A stretch of pre-training text before special tokens: one run of ids, or two; labels by objective.

    `cuts` says whether a sentence is cut at the start of the passage, at the start of its second part, and at its end.
    """

    document: int
    first: Ids
    second: Ids | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    cuts: tuple[bool, bool, bool] = (False, False, False)

    def __len__(self) -> int:
        return len(self.first) + (0 if self.second is None else len(self.second))


@dataclass(frozen=True)
class Layout:
    """Where each sequence of a packed batch begins and ends; if `causal`, tokens see only themselves and earlier
    ones."""

    lengths: tuple[int, ...]
    device: torch.device = CPU
    causal: bool = False

    @property
    def n_sequences(self) -> int:
        """B."""
        return len(self.lengths)

    @cached_property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """Runs of adjacent sequences of equal length, as (how many, length); few if sequences are sorted by length."""
        return tuple((sum(1 for _ in run), length) for length, run in groupby(self.lengths))

    @cached_property
    def sizes(self) -> Tensor:
        """The lengths as a tensor. [B]"""
        return torch.tensor(self.lengths, device=self.device)

    @cached_property
    def starts(self) -> Tensor:
        """The index of each sequence's first token. [B]"""
        return self.sizes.cumsum(0) - self.sizes

    @cached_property
    def sequence_of(self) -> Tensor:
        """The sequence that each token belongs to. [T]"""
        return torch.arange(self.n_sequences, device=self.device).repeat_interleave(self.sizes)

    @cached_property
    def positions(self) -> Tensor:
        """The position of each token in its sequence, from 0. [T]"""
        return torch.arange(sum(self.lengths), device=self.device) - self.starts[self.sequence_of]

    def rectangles(self, packed: Tensor) -> list[Tensor]:
        """The runs of `groups`, without padding: a packed [T, ...] to one [n, length, ...] per group.

        To pack them again, flatten the first two dimensions of each and concatenate.
        """
        # Split once: slicing each group instead would make the backward pass cost groups x tokens.
        pieces = torch.split(packed, [n * length for n, length in self.groups])
        return [piece.view(*group, *piece.shape[1:]) for piece, group in zip(pieces, self.groups, strict=True)]

    def pad(self, packed: Tensor) -> tuple[Tensor, Tensor]:
        """The rectangle [B, S, ...] of a packed [T, ...], zeros where there is no token, and its mask [B, S]."""
        mask = torch.arange(max(self.lengths), device=self.device) < self.sizes[:, None]
        padded = packed.new_zeros(*mask.shape, *packed.shape[1:])
        return padded.masked_scatter(mask.view(*mask.shape, *[1] * (packed.ndim - 1)).expand_as(padded), packed), mask

    def pack(self, padded: Tensor) -> Tensor:
        """The packed [T, ...] of a rectangle [B, S, ...]."""
        return padded[self.sequence_of, self.positions]

    def first(self, packed: Tensor) -> Tensor:
        """Each sequence's first token. [T, H] -> [B, H]"""
        return packed[self.starts]

    def mean(self, packed: Tensor, where: Tensor | None = None) -> Tensor:
        """Each sequence's mean over its tokens, or over those for which `where` [T] is true; zeros if none is.

        [T, H] -> [B, H]
        """
        weights = packed.new_ones(len(packed)) if where is None else where.to(packed.dtype)
        total = packed.new_zeros(self.n_sequences, packed.shape[1])
        total = total.index_add(0, self.sequence_of, packed * weights[:, None])
        count = weights.new_zeros(self.n_sequences).index_add(0, self.sequence_of, weights)
        return total / count.clamp(min=1)[:, None]


@dataclass(frozen=True)
class Batch:
    """Sequences packed end to end.

    ids, segments, special and targets are [T], and types, if there are any; targets is IGNORE for tokens that are not
    predicted; labels are [B] or [B, ...] by name; `order` is the index each sequence had before collating, [B]; for
    pre-training text, `documents` is the document of the corpus in which each sequence begins, [B]. If several
    sequences make up one item, as the choices of a question do, `items` is the number of each sequence's item, [B];
    otherwise it is empty. Random choices for the batch depend on `seed`, which differs in every step.
    """

    ids: Tensor
    segments: Tensor
    special: Tensor
    layout: Layout
    targets: Tensor
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    order: tuple[int, ...] = ()
    documents: tuple[int, ...] = ()
    items: tuple[int, ...] = ()
    seed: int = 0

    @property
    def n_items(self) -> int:
        """The number of items: sequences, unless several make up one."""
        return len(set(self.items)) or self.layout.n_sequences

    types: Tensor | None = None

    @property
    def token_types(self) -> Tensor:
        """What a segment embedding reads. [T]"""
        return self.segments if self.types is None else self.types

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        """Random numbers in [0, 1) for each token. -> [T, ...]

        They depend on the seed, the purpose and the index of a token's sequence before collating, so they are the same
        in any micro-batch and on any device.
        """
        order = self.order or range(self.layout.n_sequences)
        drawn = [
            torch.rand(length, *shape, generator=torch.Generator().manual_seed(seed_of(purpose, self.seed, place)))
            for place, length in zip(order, self.layout.lengths, strict=True)
        ]
        return torch.cat(drawn).to(self.ids.device)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        if device == self.ids.device:
            return self
        return replace(
            self,
            ids=self.ids.to(device),
            segments=self.segments.to(device),
            special=self.special.to(device),
            layout=replace(self.layout, device=device),
            targets=self.targets.to(device),
            labels={name: label.to(device) for name, label in self.labels.items()},
            types=None if self.types is None else self.types.to(device),
        )

    def micro_batch(self, index: int, n: int) -> Batch:
        """Every n-th item, starting with the one at `index`; items stay whole, and n parts of about equal size make up
        the batch."""
        items = self.items or tuple(range(self.layout.n_sequences))
        wanted = set(list(dict.fromkeys(items))[index::n])
        rows = [row for row, item in enumerate(items) if item in wanted]
        chosen = torch.tensor(rows, dtype=torch.int64, device=self.ids.device)
        tokens = torch.isin(self.layout.sequence_of, chosen)
        return Batch(
            ids=self.ids[tokens],
            segments=self.segments[tokens],
            special=self.special[tokens],
            layout=replace(self.layout, lengths=_at(rows, self.layout.lengths)),
            targets=self.targets[tokens],
            labels={name: label[chosen] for name, label in self.labels.items()},
            order=_at(rows, self.order),
            documents=_at(rows, self.documents),
            items=_at(rows, self.items),
            seed=self.seed,
            types=None if self.types is None else self.types[tokens],
        )


def _at(rows: Sequence[int], values: tuple[int, ...]) -> tuple[int, ...]:
    """The values of these rows; empty if there are no values."""
    return tuple(values[row] for row in rows) if values else ()


@dataclass(frozen=True)
class Output:
    """What an objective computes from a batch: a scalar loss, logits, and the targets that they are compared with.

    The last dimension of logits is the classes: [M, V] with targets [M], or [B, C] with [B]. Logits of the targets' own
    shape are scores if targets are floats, and independent yes/no decisions (yes above 0) if they are integers, 0 or 1.
    An objective whose logits mean something else sets `correct`: which targets are predicted correctly, in their shape.
    The loss is a mean over the targets that are not IGNORE. An objective that runs before the encoder sets `corrupted`:
    the batch that the encoder reads in place of the one given.
    """

    loss: Tensor
    logits: Tensor
    targets: Tensor
    correct: Tensor | None = None
    corrupted: Batch | None = None

    def hits(self) -> tuple[Tensor, Tensor]:
        """How many targets are predicted correctly, and how many count; scores do not count. Scalars."""
        if self.targets.is_floating_point():
            none = self.targets.new_zeros(())
            return none, none
        correct = self.correct
        if correct is None:
            decides = self.logits.shape == self.targets.shape
            correct = ((self.logits > 0).long() if decides else self.logits.argmax(dim=-1)) == self.targets
        counts = self.targets != IGNORE
        return (correct & counts).sum(), counts.sum()
