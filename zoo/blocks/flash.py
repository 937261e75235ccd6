"""Flash attention over packed sequences of several lengths, Dao 2023, arXiv:2307.08691."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from zoo.core.batch import Layout

WIDEST_HEAD = 256
NO_LIMIT = -1


def can_flash(query: Tensor, dropout: float) -> bool:
    """Whether the kernel takes such queries [T, N, H/N]: half precision on a GPU of compute capability 8 or later.

    Torch's public function has no dropout; the operator below it has.
    """
    half = query.dtype in (torch.float16, torch.bfloat16)
    fits = query.shape[2] % 8 == 0 and query.shape[2] <= WIDEST_HEAD
    return half and fits and _has_kernel(query.device) and (dropout == 0.0 or flash_operator() is not None)


def attend_flash(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, dropout: float, window: int | None, bias: None = None
) -> Tensor:
    """Attention of each sequence to itself, causal if its layout is, within a window if there is one. All [T, N, H/N].

    Nothing is padded: the kernel reads where sequences end from a tensor, so lengths may change while shapes stay.
    """
    left = NO_LIMIT if window is None else window
    right = 0 if layout.causal else left
    flash = flash_operator() or _public
    return flash(query, key, value, layout.ends, layout.longest, dropout, left, right)


@cache
def flash_operator() -> Any:
    """Torch's operator, called with what changes; None if this torch has it no longer, or in another form."""
    operator: Any = getattr(torch.ops.aten, "_flash_attention_forward", None)
    arguments = {argument.name for argument in operator.default._schema.arguments} if operator else set()
    if not {"cum_seq_q", "max_q", "dropout_p", "is_causal", "window_size_left"} <= arguments:
        return None

    def flash(
        query: Tensor, key: Tensor, value: Tensor, ends: Tensor, longest: int, dropout: float, left: int, right: int
    ) -> Tensor:
        causal = left == NO_LIMIT and right == 0
        limits = {} if left == right == NO_LIMIT or causal else {"window_size_left": left, "window_size_right": right}
        mixed: Tensor = operator(
            query, key, value, ends, ends, longest, longest, dropout, causal, return_debug_mask=False, **limits
        )[0]
        return mixed

    return flash


def _public(
    query: Tensor, key: Tensor, value: Tensor, ends: Tensor, longest: int, dropout: float, left: int, right: int
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    mixed = varlen_attn(query, key, value, ends, ends, longest, longest, window_size=(left, right))
    assert isinstance(mixed, Tensor)  # it returns more only on request
    return mixed


@cache
def _has_kernel(device: torch.device) -> bool:
    if device.type != "cuda" or not torch.backends.cuda.is_flash_attention_available():
        return False
    return torch.cuda.get_device_capability(device) >= (8, 0)
