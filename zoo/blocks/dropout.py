"""Dropout whose mask costs little on a CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def dropped(values: Tensor, p: float) -> Tensor:
    """Values of which each is zero with probability `p`, the others scaled; Srivastava et al. 2014.

    On a CPU the mask is drawn 16 bits at a time from 64-bit random integers, which takes a fraction of the time
    that torch's own Bernoulli mask takes; `p` is thereby rounded to a multiple of 2**-16.
    """
    if values.device.type != "cpu":
        return F.dropout(values, p)
    n = values.numel()
    # The full range: random_() without bounds leaves the sign bit zero, and every fourth 16 bits biased.
    bits = torch.empty((n + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:n]
    least = round(p * 2**16)
    keep = bits.view(values.shape) >= least - 2**15
    return values * keep.to(values.dtype).mul_(2**16 / (2**16 - least))


class Dropout(nn.Module):
    """Zero each value with probability `p` in training and scale the others, as `dropped` does."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        """The shape is kept."""
        if not self.training or self.p == 0.0:
            return values
        return dropped(values, self.p)

    def extra_repr(self) -> str:
        """The probability, in the module's printed form."""
        return f"p={self.p}"
