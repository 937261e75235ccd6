"""Batches of few shapes: each is filled up, by sequences of which nothing is predicted, to the next of them."""

from __future__ import annotations

from dataclasses import replace

from zoo.core.batch import Batch
from zoo.core.filling import filled
from zoo.model import Model

LEAST_STEP = 128
"""Numbers of tokens are multiples of this, or of a share of a power of two if that is more: 5 to 10% are added."""

MANY_TOKENS = 4_096
"""From so many on, a step takes its time, and the share is a sixteenth rather than an eighth."""

LEAST_ROOM = 32


def takes_buckets(model: Model) -> bool:
    """Whether sequences without labels and targets change nothing of what a model is trained on."""
    return all(model.objective(name).counts_targets_only for name in model.objective_names)


def into_bucket(batch: Batch, max_length: int) -> Batch:
    """A batch of the CPU with sequences added that fill it up to one of few numbers of tokens.

    One whose sequences have all the same length has a shape that returns, and stays as it is; but the number of its
    predictions is rounded up, too.
    """
    if batch.layout.is_rectangle:
        return replace(batch, in_bucket=True)
    room = _room(batch.layout.longest, max_length)
    n_added, n_tokens = _bucket(batch.layout.n_tokens, room)
    return filled(batch, n_added, n_tokens, room)


def _room(longest: int, max_length: int) -> int:
    """The next power of two, for which there must be positions."""
    return max(longest, min(max(LEAST_ROOM, 1 << (longest - 1).bit_length()), max_length))


def _bucket(n_tokens: int, room: int) -> tuple[int, int]:
    """How many sequences are added, none longer than there is room for, and how many tokens there are then."""
    step = max(LEAST_STEP, 1 << max(0, n_tokens.bit_length() - (5 if n_tokens >= MANY_TOKENS else 4)))
    n_added = -(-(step - 1) // max(1, room - 1))
    return n_added, -(-(n_tokens + n_added) // step) * step
