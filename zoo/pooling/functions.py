"""One vector of a text's many; the formulas are those of the sentence-transformers library (version 6, Pooling)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.core.batch import Layout

Pool = Callable[[Tensor, Layout, Tensor], Tensor]
"""Tokens [T, H], their layout, and which of them count [T] -> [B, H]."""


def pooled(hidden: Tensor, layout: Layout, names: Sequence[str], n_left_out: int = 0) -> Tensor:
    """Each sequence's tokens as one vector, several poolings side by side.

    The first `n_left_out` don't count; the last always does, as a prompt may have more pieces alone than before a text.
    [T, H] -> [B, P * H]
    """
    left_out = (layout.sizes - 1).clamp(max=n_left_out)
    counted = layout.positions >= left_out[layout.sequence_of]
    return torch.cat([POOLS[name](hidden, layout, counted) for name in names], dim=1)


def _first(hidden: Tensor, layout: Layout, counted: Tensor) -> Tensor:
    return hidden[layout.starts + layout.sum((~counted).long())]


def _last(hidden: Tensor, layout: Layout, counted: Tensor) -> Tensor:
    return hidden[layout.starts + layout.sizes - 1]


def _largest(hidden: Tensor, layout: Layout, counted: Tensor) -> Tensor:
    padded, mask = layout.pad(hidden.masked_fill(~counted[:, None], -torch.inf))
    return padded.masked_fill(~mask[:, :, None], -torch.inf).amax(dim=1)


def _mean(hidden: Tensor, layout: Layout, counted: Tensor) -> Tensor:
    return layout.mean(hidden, counted)


def _mean_sqrt_len(hidden: Tensor, layout: Layout, counted: Tensor) -> Tensor:
    """The sum over the square root of the number of tokens."""
    return layout.mean(hidden, counted) * layout.sum(counted.to(hidden.dtype)).sqrt()[:, None]


def _weighted_mean(hidden: Tensor, layout: Layout, counted: Tensor) -> Tensor:
    """The mean with each token weighing as its place, from 1; Muennighoff 2022, arXiv:2202.08904, section 3.1."""
    weights = ((layout.positions + 1) * counted).to(hidden.dtype)[:, None]
    return layout.mean(hidden * weights) / layout.mean(weights)


POOLS: dict[str, Pool] = {
    "cls": _first,
    "max": _largest,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}
