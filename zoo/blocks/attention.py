"""Multi-head attention over packed sequences: the only block that depends on where sequences end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.kernels import note_kernel
from zoo.core.batch import Layout
from zoo.core.specs import Dims
from zoo.formulas import head_width

Bias: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Queries and keys [B, N, S, H/N] of sequences of one length to what is added to their scores: [B, N, S, S], or a shape
that broadcasts to it."""

Positions: TypeAlias = Callable[[Tensor, Tensor, Layout], tuple[Tensor, Tensor]]
"""Queries and keys [T, N, H/N] to the same with their positions in them, as zoo.blocks.Rotary does."""


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    layout: Layout,
    *,
    dropout: float = 0.0,
    window: int | None = None,
    bias: Bias | None = None,
) -> Tensor:
    """Scaled dot-product attention, each token seeing its own sequence; Vaswani et al. 2017, section 3.2.1.

    With a `window`, a token sees only so many tokens on either side; in a causal layout, none after it. A `bias` is
    added to the scores after scaling; `dropout` drops attention weights. All [T, N, H/N].

    On a CPU, sequences of one length are attended to together, without a mask where all tokens see each other; on other
    devices, torch's variable-length kernel is used if possible: half precision, no dropout, no bias.
    """
    if query.device.type == "cpu":
        note_kernel("sdpa by length")
        return _attend_by_length(query, key, value, layout, dropout, window, bias)
    if dropout == 0.0 and bias is None and query.dtype in (torch.float16, torch.bfloat16):
        note_kernel("varlen")
        return _attend_varlen(query, key, value, layout, window)
    note_kernel("padded sdpa")
    return _attend_padded(query, key, value, layout, dropout, window, bias)


class SelfAttention(nn.Module):
    """Attention with N heads of a sequence to itself; Vaswani et al. 2017, section 3.2.2.

    `positions` puts positions into queries and keys, `window` is how many tokens on either side a token sees, and
    `bias` whether the four linear layers have one.
    """

    def __init__(
        self, dims: Dims, *, positions: Positions | None = None, window: int | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        width = dims.hidden_width
        self.n_heads = width // head_width(dims)
        self.dropout = dims.attention_dropout
        self.positions = positions or _no_positions
        self.window = window
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias)
        self.value = nn.Linear(width, width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)

    def start_keys_as_queries(self) -> None:
        """Copy the weights of the queries to the keys; called if `init.keys_start_as_queries` is set."""
        self.key.weight.data.copy_(self.query.weight.data)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        query, key, value = (
            project(hidden).unflatten(1, (self.n_heads, -1)) for project in (self.query, self.key, self.value)
        )
        query, key = self.positions(query, key, layout)
        dropout = self.dropout if self.training else 0.0
        mixed = attend(query, key, value, layout, dropout=dropout, window=self.window)
        out: Tensor = self.output(mixed.flatten(1))
        return out


def _no_positions(query: Tensor, key: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    return query, key


def _attend_by_length(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    layout: Layout,
    dropout: float,
    window: int | None = None,
    bias: Bias | None = None,
) -> Tensor:
    """One attention for each run of sequences of equal length, unmasked where it can be. All [T, N, H/N]."""
    mixed = []
    masks = window is not None or bias is not None
    for rectangles in zip(*map(layout.rectangles, (query, key, value)), strict=True):
        q, k, v = (rectangle.transpose(1, 2) for rectangle in rectangles)
        mask = _biased(_seen(q.shape[2], q.device, layout.causal, window), q, k, bias) if masks else None
        out = F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal=layout.causal and not masks)
        mixed.append(out.transpose(1, 2).flatten(0, 1))
    return torch.cat(mixed)


def _attend_varlen(query: Tensor, key: Tensor, value: Tensor, layout: Layout, window: int | None) -> Tensor:
    """torch's variable-length flash attention, for half precision on CUDA. All [T, N, H/N]."""
    from torch.nn.attention.varlen import varlen_attn

    ends = F.pad(layout.sizes.cumsum(0), (1, 0)).to(torch.int32)
    longest = max(layout.lengths)
    left = -1 if window is None else window  # -1 is no limit
    right = 0 if layout.causal else left
    mixed = varlen_attn(query, key, value, ends, ends, longest, longest, window_size=(left, right))
    assert isinstance(mixed, Tensor)  # it returns more only on request
    return mixed


def _attend_padded(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    layout: Layout,
    dropout: float,
    window: int | None = None,
    bias: Bias | None = None,
) -> Tensor:
    """Attention over the padded rectangle with a mask, if no faster kernel fits. All [T, N, H/N]."""
    (q, known), (k, _), (v, _) = (layout.pad(packed) for packed in (query, key, value))
    q, k, v = (padded.transpose(1, 2) for padded in (q, k, v))
    seen = known[:, None, None, :]
    near = _seen(known.shape[1], known.device, layout.causal, window)
    if near is not None:  # padding sees itself: if nothing is seen, gradients are NaN
        seen = seen & near | torch.eye(len(near), dtype=torch.bool, device=near.device)
    mixed = F.scaled_dot_product_attention(q, k, v, _biased(seen, q, k, bias), dropout)
    return layout.pack(mixed.transpose(1, 2))


def _seen(length: int, device: torch.device, causal: bool, window: int | None) -> Tensor | None:
    """Which tokens [S, S] each token of a sequence sees; None if it sees all of them."""
    if not causal and (window is None or window >= length - 1):
        return None
    place = torch.arange(length, device=device)
    back = place[:, None] - place
    reach = length if window is None else window
    return (back <= reach) & (back >= (0 if causal else -reach))


def _biased(seen: Tensor | None, query: Tensor, key: Tensor, bias: Bias | None) -> Tensor | None:
    """The mask of attention: what counts, or with a bias what is added to scores."""
    if bias is None:
        return seen
    added = bias(query, key).to(query.dtype)
    return added if seen is None else added.masked_fill(~seen, -torch.inf)
