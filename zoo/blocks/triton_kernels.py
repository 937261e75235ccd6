"""Kernels for GPUs in Triton, which CUDA builds of torch bring with them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from zoo.core.layout import Layout

ROWS, KEYS = 64, 32
"""Queries and keys that a program holds at a time."""

WIDEST = 8_192
"""Numbers of a row that one program can norm."""


def attend_short(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, window: int | None, scale: float | None
) -> Tensor:
    """Attention of packed sequences to themselves, many short ones in one program. All [T, N, H/N].

    Other kernels begin a new block of queries with each sequence; of a sequence of 28 tokens, four fifths of the block
    are then computed for nothing. Here blocks go over the packed tokens, and each query sees the keys of its own
    sequence. The softmax is that of Milakov and Gimelshein 2018, arXiv:1805.02867, algorithm 3.
    """
    n_tokens, n_heads, width = query.shape
    mixed = torch.empty(n_tokens, n_heads, width, dtype=query.dtype, device=query.device)
    _attend_short[(triton.cdiv(n_tokens, ROWS), n_heads)](
        *(query, key, value, mixed, layout.sequence_of, layout.ends, n_tokens),
        *(query.stride(0), key.stride(0), value.stride(0), mixed.stride(0)),
        *(query.stride(1), key.stride(1), value.stride(1), width),
        *((width**-0.5 if scale is None else scale), window or 0),
        causal=layout.causal, windowed=window is not None, width=width, columns=max(16, triton.next_power_of_2(width)),
        rows=ROWS, places=KEYS, num_warps=4, num_stages=3,
    )  # fmt: skip
    return mixed


@triton.jit(do_not_specialize=["n_tokens", "window"])  # type: ignore[untyped-decorator]
def _attend_short(  # type: ignore[no-untyped-def]
    queries, keys, values, mixed, sequence_of, ends, n_tokens,
    query_step, key_step, value_step, mixed_step, query_head, key_head, value_head, mixed_head, scale, window,
    causal: tl.constexpr, windowed: tl.constexpr, width: tl.constexpr, columns: tl.constexpr, rows: tl.constexpr,
    places: tl.constexpr,
):  # fmt: skip
    head = tl.program_id(1)
    row = tl.program_id(0) * rows + tl.arange(0, rows)
    column = tl.arange(0, columns)
    real = row < n_tokens
    held = real[:, None]
    if columns != width:
        held = held & (column < width)[None, :]
    sequence = tl.load(sequence_of + row, mask=real, other=0)
    first = tl.where(real, tl.load(ends + sequence), n_tokens)
    last = tl.where(real, tl.load(ends + sequence + 1), 0)
    query = tl.load(queries + row[:, None] * query_step + head * query_head + column[None, :], mask=held, other=0.0)
    highest = tl.full([rows], float("-inf"), tl.float32)
    total = tl.zeros([rows], tl.float32)
    sums = tl.zeros([rows, columns], tl.float32)
    for start in range(tl.min(first), tl.max(last), places):
        place = start + tl.arange(0, places)
        there = (place < n_tokens)[:, None]
        if columns != width:
            there = there & (column < width)[None, :]
        key = tl.load(keys + place[:, None] * key_step + head * key_head + column[None, :], mask=there, other=0.0)
        seen = (place[None, :] >= first[:, None]) & (place[None, :] < last[:, None])
        if causal:
            seen = seen & (place[None, :] <= row[:, None])
        if windowed:
            seen = seen & (place[None, :] >= row[:, None] - window) & (place[None, :] <= row[:, None] + window)
        scores = tl.dot(query, tl.trans(key)) * (scale * 1.4426950408889634)  # powers of 2 are faster than those of e
        scores = tl.where(seen, scores, float("-inf"))
        higher = tl.maximum(highest, tl.max(scores, 1))
        level = tl.where(higher == float("-inf"), 0.0, higher)
        weights = tl.exp2(scores - level[:, None])
        shrunk = tl.exp2(highest - level)
        value = tl.load(
            values + place[:, None] * value_step + head * value_head + column[None, :], mask=there, other=0.0
        )
        sums = sums * shrunk[:, None] + tl.dot(weights.to(value.dtype), value)
        total = total * shrunk + tl.sum(weights, 1)
        highest = higher
    out = sums / tl.where(total == 0.0, 1.0, total)[:, None]
    at = mixed + row[:, None] * mixed_step + head * mixed_head + column[None, :]
    tl.store(at, out.to(mixed.dtype.element_ty), mask=held)


def sum_norm(hidden: Tensor, added: Tensor, weight: Tensor, bias: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    """The layer norm of a sum, in float32 and in the type of what is added. [T, H], [T, H] -> 2 x [T, H]"""
    whole, half = torch.empty_like(hidden, dtype=torch.float32), torch.empty_like(added)
    width = hidden.shape[1]
    _sum_norm[(len(hidden),)](
        *(hidden, added, weight, weight if bias is None else bias, whole, half, eps),
        width=width, columns=triton.next_power_of_2(width), has_bias=bias is not None, num_warps=4,
    )  # fmt: skip
    return whole, half


@triton.jit  # type: ignore[untyped-decorator]
def _sum_norm(  # type: ignore[no-untyped-def]
    hidden, added, weight, bias, whole, half, eps, width: tl.constexpr, columns: tl.constexpr, has_bias: tl.constexpr
):
    row, column = tl.program_id(0).to(tl.int64), tl.arange(0, columns)
    there = column < width
    left = tl.load(hidden + row * width + column, mask=there, other=0.0).to(tl.float32)
    value = left + tl.load(added + row * width + column, mask=there, other=0.0).to(tl.float32)
    normed = _normed(value, weight, bias, eps, column, there, width, has_bias)
    tl.store(whole + row * width + column, normed, mask=there)
    tl.store(half + row * width + column, normed.to(half.dtype.element_ty), mask=there)


def embed_norm(
    tables: Sequence[Tensor], rows: Sequence[Tensor], weight: Tensor, bias: Tensor | None, eps: float, half: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The layer norm of the sums of two or three tables' rows, in float32 and in a half precision.

    Tables [V, H] each, their rows [T] each -> 2 x [T, H]
    """
    n_tokens, width = len(rows[0]), tables[0].shape[1]
    whole = torch.empty(n_tokens, width, dtype=torch.float32, device=weight.device)
    halved = torch.empty_like(whole, dtype=half)
    _embed_norm[(n_tokens,)](
        *(tables[0], tables[1], tables[-1], rows[0], rows[1], rows[-1]),
        *(weight, weight if bias is None else bias, whole, halved, eps),
        width=width, columns=triton.next_power_of_2(width), n_tables=len(tables), has_bias=bias is not None,
        num_warps=4,
    )  # fmt: skip
    return whole, halved


@triton.jit  # type: ignore[untyped-decorator]
def _embed_norm(  # type: ignore[no-untyped-def]
    first, second, third, first_rows, second_rows, third_rows, weight, bias, whole, half, eps,
    width: tl.constexpr, columns: tl.constexpr, n_tables: tl.constexpr, has_bias: tl.constexpr,
):  # fmt: skip
    row, column = tl.program_id(0).to(tl.int64), tl.arange(0, columns)
    there = column < width
    value = tl.load(first + tl.load(first_rows + row) * width + column, mask=there, other=0.0)
    value += tl.load(second + tl.load(second_rows + row) * width + column, mask=there, other=0.0)
    if n_tables == 3:
        value += tl.load(third + tl.load(third_rows + row) * width + column, mask=there, other=0.0)
    normed = _normed(value, weight, bias, eps, column, there, width, has_bias)
    tl.store(whole + row * width + column, normed, mask=there)
    tl.store(half + row * width + column, normed.to(half.dtype.element_ty), mask=there)


@triton.jit  # type: ignore[untyped-decorator]
def _normed(  # type: ignore[no-untyped-def]
    value, weight, bias, eps, column, there, width: tl.constexpr, has_bias: tl.constexpr
):
    centred = tl.where(there, value - tl.sum(value) / width, 0.0)
    normed = (
        centred * tl.rsqrt(tl.sum(centred * centred) / width + eps) * tl.load(weight + column, mask=there, other=0.0)
    )
    if has_bias:
        normed += tl.load(bias + column, mask=there, other=0.0)
    return normed


def cross_entropy(logits: Tensor, targets: Tensor, ignore: int, *, gradient: bool) -> tuple[Tensor, Tensor | None]:
    """The summed cross-entropy in float32 and, if asked for, its gradient in the type of the logits.

    [M, V], [M] -> scalar, [M, V]
    """
    losses = torch.empty(len(logits), dtype=torch.float32, device=logits.device)
    made = torch.empty_like(logits) if gradient else None
    _cross_entropy[(len(logits),)](
        *(logits, targets, losses, logits if made is None else made, logits.shape[1], logits.stride(0), ignore),
        columns=4_096, gradient=gradient, num_warps=8,
    )  # fmt: skip
    return losses.sum(), made


@triton.jit  # type: ignore[untyped-decorator]
def _cross_entropy(  # type: ignore[no-untyped-def]
    logits, targets, losses, made, n_classes, step, ignore, columns: tl.constexpr, gradient: tl.constexpr
):
    row, column = tl.program_id(0).to(tl.int64), tl.arange(0, columns)
    target = tl.load(targets + row)
    counts = target != ignore
    highest = tl.full([], float("-inf"), tl.float32)
    total = tl.full([], 0.0, tl.float32)
    for start in range(0, n_classes, columns):
        there = start + column < n_classes
        values = tl.load(logits + row * step + start + column, mask=there, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(highest, tl.max(values))
        total = total * tl.exp(highest - higher) + tl.sum(tl.exp(values - higher))
        highest = higher
    level = highest + tl.log(total)
    own = tl.load(logits + row * step + tl.where(counts, target, 0)).to(tl.float32)
    tl.store(losses + row, tl.where(counts, level - own, 0.0))
    if gradient:
        for start in range(0, n_classes, columns):
            there = start + column < n_classes
            values = tl.load(logits + row * step + start + column, mask=there, other=float("-inf")).to(tl.float32)
            share = tl.exp(values - level) - tl.where(start + column == target, 1.0, 0.0)
            share = tl.where(counts, share, 0.0)
            tl.store(made + row * n_classes + start + column, share.to(made.dtype.element_ty), mask=there)
