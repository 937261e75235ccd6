"""The arrows between the rooms: packed sequences, without padding.

The legend of dimension letters, used in every docstring:
B sequences in a batch, T tokens in a batch, S tokens in the longest sequence, H hidden width,
E embedding width, N attention heads, V vocabulary size, C classes, M predicted (masked) tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from zoo.core.layout import CPU, Layout, Unrecordable, numbers_at, send
from zoo.core.parcel import Parcel
from zoo.core.seeds import seed_of

IGNORE = -100
"""The target of tokens that are not predicted, and the label of examples without one."""

__all__ = ["CPU", "IGNORE", "Batch", "Encoding", "Flags", "Ids", "Layout", "Output", "Passage", "Predicted"]

ITEM = "item"
"""The name under which a batch carries the number of the training item that each sequence is of."""

MIX = "mix"
"""The name under which a batch carries each sequence's own share of a mixture, between 0 and 1."""

SENT = ("sizes", "starts", "ends", "sequence_of", "positions")
"""The tensors of a layout that are sent along with a batch; others are made and sent when asked for."""

Ids = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Joined:
    """Many sequences of one text each, end to end, as a tokenizer joins them; none has types of its own.

    `ids` and `special` are [T], `lengths` [B].
    """

    ids: Ids
    special: Flags
    lengths: NDArray[np.int64]
    n_cut: int
    """How many texts had to be cut."""


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
class Predicted:
    """What is to be predicted of targets, which may have several dimensions: the places of those that are known,
    counted row by row [M], their values [M], and how many they are, a scalar.

    In a bucket, M is rounded up; the values of what was added are IGNORE.
    """

    places: Tensor
    targets: Tensor
    n: Tensor


@dataclass(frozen=True)
class Batch:
    """Sequences packed end to end.

    ids, segments, special and targets are [T], and types, if there are any; targets is IGNORE for tokens that are not
    predicted; labels are [B] or [B, ...] by name; `order` is the index each sequence had before collating, [B]; for
    pre-training text, `documents` is the document of the corpus in which each sequence begins, [B]. If several
    sequences make up one item, as the choices of a question do, `items` is the number of each sequence's item, [B];
    otherwise it is empty. If sequences are mixed in pairs, `partners` is the index before collating of each one's
    partner, [B], and the labels named MIX are each one's own share of its mixture. Random choices for the batch depend
    on `seed`, which differs in every step. A batch `in_bucket` ends in `n_filling` sequences that fill up its shape;
    nothing of them is predicted.
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
    partners: tuple[int, ...] = ()
    seed: int = 0
    in_bucket: bool = False
    n_filling: int = 0
    origin: Origin | None = field(default=None, repr=False, compare=False)
    """On another device: what was sent there."""

    @property
    def groups(self) -> tuple[int, ...]:
        """Which sequences no micro-batch parts, those of an item or of a pair that is mixed, by a number. [B]"""
        pairs = tuple(map(min, self.order, self.partners)) if self.partners else ()
        return self.items or pairs or tuple(range(self.layout.n_sequences))

    @property
    def n_items(self) -> int:
        """The number of items: sequences, unless several belong together."""
        return len(set(self.groups))

    types: Tensor | None = None

    @property
    def filling(self) -> Tensor:
        """Which tokens only fill up a bucket. [T]"""
        return self.layout.sequence_of >= self.layout.n_sequences - self.n_filling

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
        return send(torch.cat(drawn), self.ids.device)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device; one from the CPU is sent in one piece, and nothing waits for it."""
        if device == self.ids.device:
            return self
        return self.on_cpu.send_to(device)

    def send_to(self, device: torch.device) -> Batch:
        """A batch of the CPU, sent to a device in one piece with the tensors of its layout."""
        tensors = self.tensors() | {f"layout/{name}": getattr(self.layout, name) for name in SENT}
        return self.with_tensors(Parcel.of(tensors, pinned=device.type == "cuda").open(device), device)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of its fields by name, labels as `labels/name`."""
        found = {name: getattr(self, name) for name in ("ids", "segments", "special", "targets")}
        found |= {f"labels/{name}": label for name, label in self.labels.items()}
        return found if self.types is None else found | {"types": self.types}

    def with_tensors(self, sent: Mapping[str, Tensor], device: torch.device) -> Batch:
        """A batch of the CPU with the tensors that were sent for it, those of its layout as `layout/name`."""
        layout = replace(self.layout, device=device)
        layout.tables.update(_below("layout", sent))
        fields: dict[str, Any] = {name: value for name, value in sent.items() if "/" not in name}
        made = replace(self, layout=layout, labels=_below("labels", sent), **fields)
        return replace(made, origin=Origin(self, made.tensors()))

    @property
    def on_cpu(self) -> Batch:
        """The batch that this was sent from, or a copy on the CPU, which waits for the device."""
        if self.ids.device == CPU:
            return self
        if self.origin is not None and all(map(self.origin.sent, self.tensors().values())):
            return self.origin.batch
        moved = {name: value.to(CPU) for name, value in self.tensors().items()}
        return replace(self.with_tensors(moved, CPU), origin=None)

    @property
    def has_pairs(self) -> bool:
        """Whether any sequence has a second text."""
        here = self.origin.batch if self.origin is not None and self.origin.sent(self.segments) else self
        return bool(here.segments.any())

    def on_device(self, name: str, make: Callable[[Batch], Tensor], reads: Tensor) -> Tensor:
        """What a function makes of the batch, made on the CPU and sent, so that nothing waits for the device.

        It is made once by its name. `reads` is the tensor of the batch that it is made of, besides the lengths; if an
        objective has put another in its place on the device, it is made there.
        """
        if self.origin is None or not self.origin.sent(reads):
            return make(self)
        return self.origin.make(name, make, self.ids.device)

    def predicted(
        self, name: str, targets: Callable[[Batch], Tensor], reads: Tensor, *, exactly: bool = False
    ) -> Predicted:
        """What is to be predicted, a function giving the targets of a batch; `name` and `reads` as in `on_device`.

        In a bucket their number is rounded up, unless `exactly`.
        """

        def places(batch: Batch) -> Tensor:
            return (targets(batch).flatten() != IGNORE).nonzero().squeeze(1)

        def rounded(values: Tensor, batch: Batch, fill: int) -> Tensor:
            n = len(values) if exactly or not batch.in_bucket else rounded_up(len(values), batch.layout.n_tokens)
            return F.pad(values, (0, n - len(values)), value=fill)

        def known(batch: Batch) -> Tensor:
            return targets(batch).flatten().index_select(0, places(batch))

        return Predicted(
            self.on_device(f"{name}: places", lambda batch: rounded(places(batch), batch, 0), reads),
            self.on_device(f"{name}: targets", lambda batch: rounded(known(batch), batch, IGNORE), reads),
            self.on_device(f"{name}: n", lambda batch: torch.tensor(max(1, len(places(batch)))), reads),
        )

    def micro_batch(self, index: int, n: int) -> Batch:
        """Every n-th item, starting with the one at `index`; items stay whole, and n parts of about equal size make up
        the batch."""
        groups = self.groups
        wanted = set(list(dict.fromkeys(groups))[index::n])
        rows = [row for row, group in enumerate(groups) if group in wanted]
        chosen = torch.tensor(rows, dtype=torch.int64, device=self.ids.device)
        tokens = torch.isin(self.layout.sequence_of, chosen)
        return Batch(
            ids=self.ids[tokens],
            segments=self.segments[tokens],
            special=self.special[tokens],
            layout=replace(self.layout, lengths=numbers_at(rows, self.layout.lengths)),
            targets=self.targets[tokens],
            labels={name: label[chosen] for name, label in self.labels.items()},
            order=numbers_at(rows, self.order),
            documents=numbers_at(rows, self.documents),
            items=numbers_at(rows, self.items),
            partners=numbers_at(rows, self.partners),
            seed=self.seed,
            types=None if self.types is None else self.types[tokens],
        )


@dataclass(frozen=True)
class Origin:
    """The batch on the CPU that a batch was sent from, the tensors that were sent, and what was made of it since.

    If `complete`, nothing can be made any more: what is done is being recorded for batches of the same shape.
    """

    batch: Batch
    tensors: Mapping[str, Tensor]
    made: dict[str, Tensor] = field(default_factory=dict)
    makers: dict[str, Callable[[Batch], Tensor]] = field(default_factory=dict)
    complete: bool = False

    def sent(self, tensor: Tensor) -> bool:
        """Whether this tensor is one of those sent."""
        return any(tensor is one for one in self.tensors.values())

    def make(self, name: str, make: Callable[[Batch], Tensor], device: torch.device) -> Tensor:
        """What a function makes of the batch on the CPU, sent at the first call. Raises Unrecordable if `complete`."""
        if name not in self.made:
            if self.complete:
                raise Unrecordable(f"{name} was not asked for before")
            self.made[name], self.makers[name] = send(make(self.batch), device), make
        return self.made[name]


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin with a prefix and a slash, by the rest of their names."""
    return {name.removeprefix(f"{prefix}/"): value for name, value in tensors.items() if name.startswith(f"{prefix}/")}


def rounded_up(number: int, of: int, parts: int = 64) -> int:
    """A number of tokens or targets rounded up to a multiple of about a 64th of a whole, so that few differ."""
    step = max(8, of // parts)
    return max(1, -(-number // step)) * step


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
            correct = (self.logits > 0).long() == self.targets if decides else _is_best(self.logits, self.targets)
        counts = self.targets != IGNORE
        return (correct & counts).sum(), counts.sum()


def _is_best(logits: Tensor, targets: Tensor) -> Tensor:
    """Where no class has a higher logit than the target, which is right in a tie too; [M, V], [M] -> [M].

    To find the maximum takes a vocabulary a fraction of the time that it takes to find its place.
    """
    own = logits.gather(-1, targets.clamp(min=0)[..., None]).squeeze(-1)
    return own >= logits.amax(dim=-1)
