"""Multi-head self-attention over packed sequences: the only block that asks where sequences end."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.core.batch import Layout
from zoo.core.specs import Dims
from zoo.formulas import head_width


class SelfAttention(nn.Module):
    """Scaled dot-product attention with N heads, each token seeing its own sequence; Vaswani et al. 2017, s. 3.2.2."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        head_width(dims)
        width = dims.hidden_width
        self.n_heads = dims.n_heads
        self.dropout = dims.attention_dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """[T, H] -> [T, H]"""
        query, key, value = (
            project(hidden).unflatten(1, (self.n_heads, -1)) for project in (self.query, self.key, self.value)
        )
        dropout = self.dropout if self.training else 0.0
        if hidden.device.type == "cpu":
            mixed = _attend_by_length(query, key, value, layout, dropout)
        elif dropout == 0.0 and hidden.dtype in (torch.float16, torch.bfloat16):
            mixed = _attend_varlen(query, key, value, layout)
        else:
            mixed = _attend_padded(query, key, value, layout, dropout)
        out: Tensor = self.output(mixed.flatten(1))
        return out


def _attend_by_length(query: Tensor, key: Tensor, value: Tensor, layout: Layout, dropout: float) -> Tensor:
    """One unmasked attention for each run of sequences of equal length. All [T, N, H/N]."""
    # Split once: slicing each group instead would make the backward pass cost groups x tokens.
    sizes = [n * length for n, length in layout.groups]
    mixed = []
    pieces = zip(*(torch.split(packed, sizes) for packed in (query, key, value)), strict=True)
    for (n, length), qkv in zip(layout.groups, pieces, strict=True):
        q, k, v = (piece.view(n, length, *piece.shape[1:]).transpose(1, 2) for piece in qkv)
        out = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=layout.causal)
        mixed.append(out.transpose(1, 2).flatten(0, 1))
    return torch.cat(mixed)


def _attend_varlen(query: Tensor, key: Tensor, value: Tensor, layout: Layout) -> Tensor:
    """torch's variable-length flash attention, for half precision on CUDA. All [T, N, H/N]."""
    from torch.nn.attention.varlen import varlen_attn

    ends = F.pad(layout.sizes.cumsum(0), (1, 0)).to(torch.int32)
    longest = max(layout.lengths)
    window = (-1, 0) if layout.causal else (-1, -1)  # how far a token sees to its left and right; -1 is all the way
    mixed = varlen_attn(query, key, value, ends, ends, longest, longest, window_size=window)
    assert isinstance(mixed, Tensor)  # it returns more only where asked to
    return mixed


def _attend_padded(query: Tensor, key: Tensor, value: Tensor, layout: Layout, dropout: float) -> Tensor:
    """Attention over the padded rectangle with a mask, where nothing better fits. All [T, N, H/N]."""
    (q, mask), (k, _), (v, _) = (layout.pad(packed) for packed in (query, key, value))
    seen = mask[:, None, None, :]
    if layout.causal:
        seen = seen & torch.ones(mask.shape[1], mask.shape[1], dtype=torch.bool, device=mask.device).tril()
    mixed = F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=seen, dropout_p=dropout
    )
    return layout.pack(mixed.transpose(1, 2))
