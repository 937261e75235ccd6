"""Positions as rotations of queries and keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.core.batch import Layout
from zoo.core.errors import ZooError


class Rotary(nn.Module):
    """Rotate each pair of numbers by an angle that grows with the position; Su et al. 2021, arXiv:2104.09864, s. 3.4.2.

    The scores of attention then depend on how far apart two tokens are. The i-th of the H/N/2 pairs rotates by
    `base` ** (-2i / (H/N)) per position. Number i is paired with number i + H/N/2, as in GPT-NeoX and ModernBERT, where
    the paper pairs neighbors: the same up to the order of a head's numbers.
    """

    def __init__(self, head_width: int, base: float = 10_000.0) -> None:
        super().__init__()
        if head_width % 2:
            raise ZooError(f"rotary positions need heads of even width, not {head_width}; choose another dims.n_heads")
        self.pairs = head_width // 2
        self.base = base

    def forward(self, query: Tensor, key: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        """Queries and keys [T, N, H/N] -> the same, rotated."""
        rates = self.base ** -(torch.arange(self.pairs, device=query.device) / self.pairs)
        angles = (layout.positions[:, None] * rates)[:, None]
        cosines, sines = angles.cos(), angles.sin()
        return _turned(query, cosines, sines), _turned(key, cosines, sines)

    def extra_repr(self) -> str:
        """The base, in the module's printed form."""
        return f"base={self.base:g}"


def _turned(values: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    wide = values.to(torch.promote_types(values.dtype, torch.float32))
    left, right = wide.chunk(2, dim=-1)
    turned = torch.cat([left * cosines - right * sines, right * cosines + left * sines], dim=-1)
    return turned.to(values.dtype)
