"""One vector of a text's many; the formulas are those of the sentence-transformers library (version 6, Pooling)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.core.batch import Layout

Pool = Callable[[Tensor, Layout, Tensor | None], Tensor]
"""Tokens [T, H], their layout, and which of them count [T], if not all do -> [B, H]."""


def pooled(hidden: Tensor, layout: Layout, names: Sequence[str], n_left_out: int = 0) -> Tensor:
    """Each sequence's tokens as one vector, several poolings side by side.

    The first `n_left_out` don't count; the last always does, as a prompt may have more pieces alone than before a text.
    [T, H] -> [B, P * H]
    """
    counted = None
    if n_left_out:
        left_out = (layout.sizes - 1).clamp(max=n_left_out)
        counted = layout.positions >= left_out[layout.sequence_of]
    return torch.cat([POOLS[name](hidden, layout, counted) for name in names], dim=1)


def _first(hidden: Tensor, layout: Layout, counted: Tensor | None) -> Tensor:
    return layout.first(hidden) if counted is None else hidden[layout.starts + layout.sum((~counted).long())]


def _last(hidden: Tensor, layout: Layout, counted: Tensor | None) -> Tensor:
    return layout.last(hidden)


def _largest(hidden: Tensor, layout: Layout, counted: Tensor | None) -> Tensor:
    padded, mask = layout.pad(hidden if counted is None else hidden.masked_fill(~counted[:, None], -torch.inf))
    return padded.masked_fill(~mask[:, :, None], -torch.inf).amax(dim=1)


def _mean(hidden: Tensor, layout: Layout, counted: Tensor | None) -> Tensor:
    return layout.mean(hidden, counted)


def _mean_sqrt_len(hidden: Tensor, layout: Layout, counted: Tensor | None) -> Tensor:
    """The sum over the square root of the number of tokens."""
    n_counted = layout.sizes.to(hidden.dtype) if counted is None else layout.sum(counted.to(hidden.dtype))
    return layout.mean(hidden, counted) * n_counted.sqrt()[:, None]


def _weighted_mean(hidden: Tensor, layout: Layout, counted: Tensor | None) -> Tensor:
    """The mean with each token weighing as its place, from 1; Muennighoff 2022, arXiv:2202.08904, section 3.1."""
    places = layout.positions + 1
    weights = (places if counted is None else places * counted).to(hidden.dtype)[:, None]
    return layout.mean(hidden * weights) / layout.mean(weights)


POOLS: dict[str, Pool] = {
    "cls": _first,
    "max": _largest,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}
