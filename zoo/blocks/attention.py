"""Multi-head attention over packed sequences: the only block that depends on where sequences end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.dropout import dropped
from zoo.blocks.dropped_attention import attend_dropping
from zoo.blocks.flash import attend_flash, can_attend_short, can_flash
from zoo.blocks.kernels import note_kernel, own_kernels
from zoo.blocks.units import Units
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
    scale: float | None = None,
) -> Tensor:
    """Scaled dot-product attention, each token seeing its own sequence; Vaswani et al. 2017, section 3.2.1.

    With a `window`, a token sees only so many tokens on either side; in a causal layout, none after it. Scores are
    multiplied by `scale`, by default (H/N)^-0.5, and a `bias` is added to them afterwards; `dropout` drops attention
    weights. All [T, N, H/N].

    Sequences of one length are attended to together, without a mask where all tokens see each other. On a CPU this is
    done for each length. Elsewhere, sequences of several lengths go packed through the flash kernel if it can take
    them (half precision, no bias), without gradients many short ones through a kernel of ours; else they are padded.
    """
    asked = Attention(query, key, value, layout, dropout, window, bias, scale)
    name, kernel = _chosen(asked)
    note_kernel(name)
    if not torch.compiler.is_compiling() and (kept := _kept.get()) is not None:
        kept.append(asked)
    return kernel(asked)


class Attention(NamedTuple):
    """What one call of `attend` was given; queries, keys and values are [T, N, H/N]."""

    query: Tensor
    key: Tensor
    value: Tensor
    layout: Layout
    dropout: float = 0.0
    window: int | None = None
    bias: Bias | None = None
    scale: float | None = None

    @property
    def n_heads(self) -> int:
        """N."""
        return self.query.shape[1]

    @property
    def vectors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, heads side by side. 3 x [T, H]"""
        return self.query.flatten(1), self.key.flatten(1), self.value.flatten(1)

    def scores(self) -> list[Tensor]:
        """The scores before the softmax, of each run of sequences of equal length; minus infinity where a token is not
        seen. -> [n, N, S, S] each
        """
        found = []
        for rectangles in zip(*map(self.layout.rectangles, (self.query.float(), self.key.float())), strict=True):
            q, k = (rectangle.transpose(1, 2) for rectangle in rectangles)
            seen = _seen(q.shape[2], q.device, self.layout.causal, self.window)
            found.append(_scores(q, k, _biased(seen, q, k, self.bias), self.scale))
        return found


_kept: ContextVar[list[Attention] | None] = ContextVar("attentions kept", default=None)


@contextmanager
def attentions_kept() -> Iterator[list[Attention]]:
    """Inside, collect what `attend` is given, call by call: of an encoder layer by layer."""
    kept: list[Attention] = []
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def attentions_are_kept() -> bool:
    """Whether `attentions_kept` is on."""
    return _kept.get() is not None


def _chosen(asked: Attention) -> tuple[str, Callable[[Attention], Tensor]]:
    """The kernel for these queries, by the name that results record."""
    query, layout = asked.query, asked.layout
    if query.device.type == "cpu" and not layout.is_padded:
        return "sdpa by length", _attend_by_length
    masks = asked.bias is not None or asked.window is not None
    if asked.bias is None and can_attend_short(query, layout, asked.dropout):
        return "short flash", _attend_short
    if asked.bias is None and can_flash(query, asked.dropout) and (masks or not layout.is_rectangle):
        return "flash", _attend_flash
    return ("sdpa by length", _attend_by_length) if layout.is_rectangle else ("padded sdpa", _attend_padded)


class SelfAttention(nn.Module):
    """Attention with N heads of a sequence to itself; Vaswani et al. 2017, section 3.2.2.

    `positions` puts positions into queries and keys, `window` is how many tokens on either side a token sees, `bias`
    whether the four linear layers have one, and `scale` what scores are multiplied by, (H/N)^-0.5 if not given.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        positions: Positions | None = None,
        window: int | None = None,
        bias: bool = True,
        scale: float | None = None,
    ) -> None:
        super().__init__()
        self.n_heads = dims.required("n_heads")
        outer, inner = dims.hidden_width, self.n_heads * head_width(dims)
        self.dropout = dims.attention_dropout
        self.positions = positions or _no_positions
        self.window = window
        self.scale = scale
        self.query = nn.Linear(outer, inner, bias=bias)
        self.key = nn.Linear(outer, inner, bias=bias)
        self.value = nn.Linear(outer, inner, bias=bias)
        self.output = nn.Linear(inner, outer, bias=bias)

    def units(self) -> Units:
        """Its heads, which can be pruned one by one."""
        return Units("heads", self.n_heads, (self.query, self.key, self.value), self.output)

    def start_keys_as_queries(self) -> None:
        """Copy the weights of the queries to the keys; called if `init.keys_start_as_queries` is set."""
        self.key.weight.data.copy_(self.query.weight.data)

    def forward(self, hidden: Tensor, layout: Layout, bias: Bias | None = None) -> Tensor:
        """[T, H] -> [T, H]; a `bias` is added to the scores, as by `attend`."""
        query, key, value = (part.view(part.shape[0], self.n_heads, -1) for part in self.projected(hidden))
        query, key = self.positions(query, key, layout)
        dropout = self.dropout if self.training else 0.0
        mixed = attend(query, key, value, layout, dropout=dropout, window=self.window, bias=bias, scale=self.scale)
        out: Tensor = self.output(mixed.flatten(1))
        return out

    def projected(self, hidden: Tensor) -> Sequence[Tensor]:
        """Queries, keys and values; on a GPU from one product, which reads and keeps its input once. 3 x [T, H]"""
        layers = (self.query, self.key, self.value)
        if hidden.device.type == "cpu" or not all(map(_is_plain, layers)):
            return [layer(hidden) for layer in layers]
        weight = torch.cat([layer.weight for layer in layers])
        bias = None if self.query.bias is None else torch.cat([layer.bias for layer in layers])
        return F.linear(hidden, weight, bias).chunk(3, dim=1)


def _is_plain(layer: nn.Module) -> bool:
    """Whether it is a linear layer and nothing else: others may hook into it, or put another in its place."""
    return type(layer) is nn.Linear and not layer._forward_hooks and not layer._forward_pre_hooks


def _no_positions(query: Tensor, key: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    return query, key


def _attend_flash(asked: Attention) -> Tensor:
    """Attention of packed sequences by the flash kernel, which divides by the root of the width. [T, N, H/N]"""
    query = asked.query if asked.scale is None else asked.query * (asked.scale * asked.query.shape[-1] ** 0.5)
    return attend_flash(query, asked.key, asked.value, asked.layout, asked.dropout, asked.window)


def _attend_short(asked: Attention) -> Tensor:
    """Attention of many short sequences, without dropout. [T, N, H/N]"""
    ours: Any = own_kernels()
    mixed: Tensor = ours.attend_short(asked.query, asked.key, asked.value, asked.layout, asked.window, asked.scale)
    return mixed


def _attend_by_length(asked: Attention) -> Tensor:
    """One attention for each run of sequences of equal length, unmasked where it can be. [T, N, H/N]"""
    query, key, value, layout, dropout, window, bias, scale = asked
    by_hand = dropout > 0.0 and query.device.type == "cpu"  # torch's own is slow then
    if by_hand and bias is None:
        seen = {length: _seen(length, query.device, layout.causal, window) for _, length in layout.groups}
        return attend_dropping(query, key, value, layout.groups, seen, dropout, scale)
    mixed = []
    masks = window is not None or bias is not None
    for rectangles in zip(*map(layout.rectangles, (query, key, value)), strict=True):
        q, k, v = (rectangle.transpose(1, 2) for rectangle in rectangles)
        mask = _biased(_seen(q.shape[2], q.device, layout.causal, window), q, k, bias) if masks else None
        if by_hand:
            out = _with_dropout(q, k, v, mask, dropout, scale)
        else:
            causal = layout.causal and not masks
            out = F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal=causal, scale=scale)
        mixed.append(out.transpose(1, 2).flatten(0, 1))
    return mixed[0] if len(mixed) == 1 else torch.cat(mixed)


def _with_dropout(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: float, scale: float | None
) -> Tensor:
    """Attention step by step, its weights dropped by a mask that costs little. All [B, N, S, H/N]."""
    with torch.autocast("cpu", enabled=False):  # which would make the softmax of half-precision scores a wide one
        query, key = query.to(value.dtype), key.to(value.dtype)
        return dropped(_scores(query, key, mask, scale).softmax(-1), dropout) @ value


def _scores(query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
    """What softmax is taken of; a mask says what counts, or what is added. 2 x [B, N, S, H/N] -> [B, N, S, S]"""
    scores = query * (query.shape[-1] ** -0.5 if scale is None else scale) @ key.transpose(-2, -1)
    if mask is None:
        return scores
    return scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask.to(scores.dtype)


def _attend_padded(asked: Attention) -> Tensor:
    """Attention over the padded rectangle with a mask, if no faster kernel fits. [T, N, H/N]"""
    query, key, value, layout, dropout, window, bias, scale = asked
    (q, known), (k, _), (v, _) = (layout.pad(packed) for packed in (query, key, value))
    q, k, v = (padded.transpose(1, 2) for padded in (q, k, v))
    seen = known[:, None, None, :]
    near = _seen(known.shape[1], known.device, layout.causal, window, always=layout.is_padded)
    if near is not None:  # padding sees itself: if nothing is seen, gradients are NaN
        seen = seen & near | torch.eye(near.shape[0], dtype=torch.bool, device=near.device)
    mixed = F.scaled_dot_product_attention(q, k, v, _biased(seen, q, k, bias), dropout, scale=scale)
    return layout.pack(mixed.transpose(1, 2))


def _seen(
    length: int, device: torch.device, causal: bool, window: int | None, *, always: bool = False
) -> Tensor | None:
    """Which tokens [S, S] each token of a sequence sees; None if it sees all of them, as in a short sequence, but a
    program for all lengths `always` looks at the window.
    """
    if not causal and (window is None or (not always and window >= length - 1)):
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
