"""Flash attention over packed sequences of several lengths, Dao 2023, arXiv:2307.08691."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from zoo.blocks.kernels import once_traced, own_kernels
from zoo.core.batch import Layout

WIDEST_HEAD = 256
SHORT = 64
"""Tokens a sequence in the mean, up to which our kernel for short ones is taken."""

MANY_TOKENS = 4_096
"""For fewer tokens, compiling it would cost more than it saves."""

NO_LIMIT = -1


def can_flash(query: Tensor, dropout: float) -> bool:
    """Whether the kernel takes such queries [T, N, H/N]: half precision on a GPU of compute capability 8 or later.

    Torch's public function has no dropout; the operator below it has.
    """
    half = query.dtype in (torch.float16, torch.bfloat16)
    fits = query.shape[2] % 8 == 0 and query.shape[2] <= WIDEST_HEAD
    return half and fits and _has_kernel(query.device) and (dropout == 0.0 or has_operator())


def can_attend_short(query: Tensor, layout: Layout, dropout: float) -> bool:
    """Whether many short sequences [T, N, H/N] can be attended to in few blocks: as `can_flash`, without gradients."""
    if torch.is_grad_enabled() or layout.is_padded or not MANY_TOKENS <= len(query) <= SHORT * layout.n_sequences:
        return False
    return query.shape[2] <= 128 and can_flash(query, dropout) and dropout == 0.0 and own_kernels() is not None


def attend_flash(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, dropout: float, window: int | None, bias: None = None
) -> Tensor:
    """Attention of each sequence to itself, causal if its layout is, within a window if there is one. All [T, N, H/N].

    Nothing is padded: the kernel reads where sequences end from a tensor, so lengths may change while shapes stay.
    """
    left = NO_LIMIT if window is None else window
    right = 0 if layout.causal else left
    flash = _by_operator if has_operator() else _public
    return flash(query, key, value, layout.ends, layout.longest, dropout, left, right)


@once_traced
def has_operator() -> bool:
    """Whether torch still has its operator, called with what changes, in the form in which it is called here."""
    return {"cum_seq_q", "max_q", "dropout_p", "is_causal", "window_size_left"} <= _arguments()


@cache
def _arguments() -> set[str]:
    operator: Any = getattr(torch.ops.aten, "_flash_attention_forward", None)
    return {argument.name for argument in operator.default._schema.arguments} if operator else set()


def _by_operator(
    query: Tensor, key: Tensor, value: Tensor, ends: Tensor, longest: int, dropout: float, left: int, right: int
) -> Tensor:
    causal = left == NO_LIMIT and right == 0
    limits = {} if left == right == NO_LIMIT or causal else {"window_size_left": left, "window_size_right": right}
    mixed: Tensor = torch.ops.aten._flash_attention_forward(
        query, key, value, ends, ends, longest, longest, dropout, causal, return_debug_mask=False, **limits
    )[0]
    return mixed


def _public(
    query: Tensor, key: Tensor, value: Tensor, ends: Tensor, longest: int, dropout: float, left: int, right: int
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    mixed = varlen_attn(query, key, value, ends, ends, longest, longest, window_size=(left, right))
    assert isinstance(mixed, Tensor)  # it returns more only on request
    return mixed


@once_traced
def _has_kernel(device: torch.device) -> bool:
    return _is_capable(device)


@cache
def _is_capable(device: torch.device) -> bool:
    if device.type != "cuda" or not torch.backends.cuda.is_flash_attention_available():
        return False
    return torch.cuda.get_device_capability(device) >= (8, 0)
