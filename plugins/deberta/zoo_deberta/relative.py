"""Attention that keeps what a token is apart from where it is; He et al. 2021, arXiv:2006.03654, section 3.1."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo import Dims, Layout
from zoo.blocks import Dropout, SelfAttention, by_key, log_bucket
from zoo.formulas import head_width

Positions = tuple[Tensor, Tensor]
"""The vectors of some buckets [K, H], and the one of each distance i - j, from S - 1 down to -(S - 1). [2S - 1]"""


class RelativePositions(nn.Module):
    """A vector for each bucket of distances, which all layers share.

    Without `n_buckets`, each distance below `max_distance` has its own. He et al. 2021, arXiv:2111.09543, v2 in
    microsoft/DeBERTa's README: buckets, and a norm over the vectors.
    """

    def __init__(self, dims: Dims, n_buckets: int | None, max_distance: int) -> None:
        super().__init__()
        self.n_buckets, self.max_distance = n_buckets, max_distance
        self.span = n_buckets or max_distance
        self.table = nn.Embedding(2 * self.span, dims.hidden_width)
        self.norm = nn.LayerNorm(dims.hidden_width, eps=dims.norm_eps)

    def forward(self, length: int) -> Positions:
        """The positions that a text of this length has."""
        device = self.table.weight.device
        # Found on the CPU: nothing waits for it. A program for all lengths, of which none is known, has all buckets.
        farthest = int(self._bucket(torch.tensor([length - 1]))) if isinstance(length, int) else self.span
        first, last = max(0, self.span - farthest), min(2 * self.span - 1, self.span + farthest)
        rows = self.span + self._bucket(torch.arange(length - 1, -length, -1, device=device))
        return self.norm(self.table(torch.arange(first, last + 1, device=device))), rows.clamp(first, last) - first

    def _bucket(self, distances: Tensor) -> Tensor:
        return distances if self.n_buckets is None else log_bucket(distances, self.n_buckets, self.max_distance)


class DisentangledAttention(SelfAttention):
    """Self-attention whose scores also depend on where the other token is; He et al. 2021, equations 3 and 4.

    To the score of contents are added that of the query with the key's position (c2p), and that of the key with the
    query's position (p2c), or one of the two. Positions use the projections of contents, as from version 2 on.
    """

    def __init__(self, dims: Dims, terms: Literal["both", "c2p", "p2c"] = "both") -> None:
        self.c2p, self.p2c = terms != "p2c", terms != "c2p"
        scale: float = ((1 + self.c2p + self.p2c) * head_width(dims)) ** -0.5
        super().__init__(dims, scale=scale)
        self.bias_scale = scale
        self.position_dropout = Dropout(dims.dropout)

    def forward(self, hidden: Tensor, layout: Layout, positions: Positions) -> Tensor:  # type: ignore[override]
        """[T, H] -> [T, H]"""
        vectors, rows = positions
        vectors = self.position_dropout(vectors)
        keys = self._by_head(self.key, vectors)[:, rows] if self.c2p else None
        queries = self._by_head(self.query, vectors)[:, rows.flip(0)] if self.p2c else None

        def bias(query: Tensor, key: Tensor) -> Tensor:
            length, longest = query.shape[2], (rows.shape[0] + 1) // 2
            near = slice(longest - length, longest + length - 1)
            added = query.new_zeros(())
            if keys is not None:
                added = by_key(query @ keys[:, near].mT)
            if queries is not None:
                added = added + by_key(key @ queries[:, near].mT).mT
            return added * self.bias_scale

        return super().forward(hidden, layout, bias)

    def _by_head(self, layer: nn.Linear, vectors: Tensor) -> Tensor:
        """[K, H] -> [N, K, H/N]"""
        return F.linear(vectors, layer.weight, layer.bias).view(vectors.shape[0], self.n_heads, -1).transpose(0, 1)
