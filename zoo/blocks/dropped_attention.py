"""Attention with dropout on a CPU, its gradient with it: a few sequences at a time, whose scores stay in the caches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from zoo.blocks.dropout import kept_share, kept_values

CACHED_SCORES = 2**19
"""So many scores of attention are computed at a time: what is made of them stays in a core's caches."""

Groups = tuple[tuple[int, int], ...]
"""Runs of sequences of equal length, as (how many, length)."""


def attend_dropping(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    groups: Groups,
    seen: dict[int, Tensor | None],
    dropout: float,
    scale: float | None = None,
) -> Tensor:
    """Attention of packed sequences to themselves, weights dropped with a probability. All [T, N, H/N].

    `seen` says by length which tokens [S, S] a token sees, None being all. There is no second derivative.
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    with torch.autocast("cpu", enabled=False):  # which would make the softmax of half-precision scores a wide one
        query, key = query.to(value.dtype), key.to(value.dtype)
        mixed: Tensor = _Dropping.apply(query, key, value, groups, seen, dropout, scale)  # type: ignore[no-untyped-call]
    return mixed


class _Dropping(torch.autograd.Function):
    """Softmax(scale Q K^T), dropped, times V; Vaswani et al. 2017, equation 1.

    The softmax is computed again for the gradient, so that a byte for each weight is all that is kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        groups: Groups,
        seen: dict[int, Tensor | None],
        dropout: float,
        scale: float,
    ) -> Tensor:
        """3 x [T, N, H/N] -> [T, N, H/N]"""
        n_heads = q.shape[1]
        all_kept = torch.empty(n_heads * sum(n * length**2 for n, length in groups), dtype=torch.uint8)
        mixed, factor = torch.empty_like(v, memory_format=torch.contiguous_format), 1 / kept_share(dropout)
        for tokens, some, shape in _pieces(groups, n_heads):
            kept = all_kept[some].view(shape).copy_(kept_values(shape, dropout))
            weights = _weights(_heads(q, tokens, shape), _heads(k, tokens, shape), seen[shape[-1]], scale)
            made = torch.bmm(weights.mul_(kept.to(v.dtype)), _heads(v, tokens, shape))
            _put(mixed, tokens, made.mul_(factor), n_heads)
        ctx.save_for_backward(q, k, v, all_kept)
        ctx.how = groups, seen, factor, scale
        return mixed

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """[T, N, H/N] -> 3 x [T, N, H/N]"""
        q, k, v, all_kept = ctx.saved_tensors
        groups, seen, factor, scale = ctx.how
        of_q, of_k, of_v = (torch.empty_like(v, memory_format=torch.contiguous_format) for _ in range(3))
        n_heads = q.shape[1]
        for tokens, some, shape in _pieces(groups, n_heads):
            its_q, its_k, its_v, given = (_heads(each, tokens, shape) for each in (q, k, v, gradient))
            weights = _weights(its_q, its_k, seen[shape[-1]], scale)
            factors = all_kept[some].view(shape).to(v.dtype).mul_(factor)
            scores = torch.bmm(given, its_v.mT).mul_(factors)
            _put(of_v, tokens, torch.bmm(factors.mul_(weights).mT, given), n_heads)
            scores = torch._softmax_backward_data(scores, weights, -1, weights.dtype)
            _put(of_q, tokens, torch.bmm(scores, its_k).mul_(scale), n_heads)
            _put(of_k, tokens, torch.bmm(scores.mT, its_q).mul_(scale), n_heads)
        return of_q, of_k, of_v, None, None, None, None


def _weights(query: Tensor, key: Tensor, seen: Tensor | None, scale: float) -> Tensor:
    """The weights of attention before some are dropped. 2 x [n N, S, H/N] -> [n N, S, S]"""
    scores = torch.bmm(query, key.mT).mul_(scale)
    if seen is not None:
        scores.masked_fill_(~seen, -torch.inf)
    return torch.softmax(scores, -1)


def _pieces(groups: Groups, n_heads: int) -> Iterator[tuple[slice, slice, tuple[int, int, int]]]:
    """Which tokens and which scores are read at a time, and these scores' shape [n N, S, S]."""
    token, score = 0, 0
    for n, length in groups:
        most = max(1, CACHED_SCORES // (n_heads * length**2))
        for first in range(0, n, most):
            some = min(most, n - first)
            tokens, scores = some * length, some * n_heads * length**2
            yield slice(token, token + tokens), slice(score, score + scores), (some * n_heads, length, length)
            token, score = token + tokens, score + scores


def _heads(packed: Tensor, tokens: slice, shape: tuple[int, int, int]) -> Tensor:
    """Some sequences of one length, head by head. [T, N, H/N] -> [n N, S, H/N]"""
    its = packed[tokens].view(-1, shape[-1], *packed.shape[1:]).transpose(1, 2)
    return its[0] if len(its) == 1 else its.reshape(shape[0], shape[1], -1)


def _put(packed: Tensor, tokens: slice, heads: Tensor, n_heads: int) -> None:
    """Write what was made head by head. [n N, S, H/N] -> [T, N, H/N]"""
    its = heads.view(-1, n_heads, *heads.shape[1:]).transpose(1, 2)
    packed[tokens].view(its.shape).copy_(its)
