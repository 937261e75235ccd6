"""The position-wise feed-forward network, plain or gated."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.blocks.activation import activation
from zoo.blocks.units import Units
from zoo.core.specs import Dims

READ_BY_INPUT = (nn.GELU, nn.SiLU)
"""Activations whose gradient is a function of their input, which is kept anyway; so their output need not be."""

LARGE = 2**21
"""Numbers of which a step keeps so many in each layer that memory counts; less is kept faster than computed again."""


class FeedForward(nn.Module):
    """Widen, activate, narrow; Vaswani et al. 2017, arXiv:1706.03762, section 3.3."""

    def __init__(self, dims: Dims, *, bias: bool = True) -> None:
        super().__init__()
        ffn_width = dims.required("ffn_width")
        self.up = nn.Linear(dims.hidden_width, ffn_width, bias=bias)
        self.activation = activation(dims.activation)
        self.down = nn.Linear(ffn_width, dims.hidden_width, bias=bias)

    def units(self) -> Units:
        """Its inner units, which can be pruned one by one."""
        return Units("ffn", self.up.out_features, (self.up,), self.down)

    def forward(self, hidden: Tensor) -> Tensor:
        """[T, H] -> [T, H]"""
        if self.training and _recomputes(hidden):
            wide = self.up(hidden)
            out: Tensor = checkpoint(self._narrowed, wide, use_reentrant=False, preserve_rng_state=False)
        elif self.training and torch.is_grad_enabled() and type(self.activation) in READ_BY_INPUT:
            out = self._narrowed_forgetting(self.up(hidden))
        else:
            out = self.down(self.activated(hidden))
        return out

    def activated(self, hidden: Tensor) -> Tensor:
        """Widened and activated, which `zoo.blocks.onednn` does at once. [T, H] -> [T, inner width]"""
        wide: Tensor = self.activation(self.up(hidden))
        return wide

    def _narrowed(self, wide: Tensor) -> Tensor:
        out: Tensor = self.down(self.activation(wide))
        return out

    def _narrowed_forgetting(self, wide: Tensor) -> Tensor:
        """Activated and narrowed; where it is large, what is between is computed again for the gradient."""
        if wide.numel() < LARGE:
            return self._narrowed(wide)
        active = self.activation(wide)
        place, before, activate = active.data_ptr(), wide.detach(), self.activation

        def pack(kept: Tensor) -> Tensor | torch.Size:
            return kept.shape if kept.data_ptr() == place and kept.numel() == before.numel() else kept

        def unpack(kept: Tensor | torch.Size) -> Tensor:
            if isinstance(kept, Tensor):
                return kept
            again: Tensor = activate(before)
            return again.view(kept)

        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            out: Tensor = self.down(active)
        return out


def _recomputes(hidden: Tensor) -> bool:
    """Whether activations are computed again in the backward pass rather than kept: on a GPU that takes 2% of a step's
    time and saves 12% of its memory (BERT-base, 64 x 128). The product after them is not computed again."""
    return hidden.device.type == "cuda" and torch.is_grad_enabled()


class GatedFeedForward(FeedForward):
    """Widen twice, activate one and multiply by the other, narrow; Shazeer 2020, arXiv:2002.05202, section 2.

    The activation decides which GLU it is: gelu makes it GEGLU, silu SwiGLU.
    """

    def __init__(self, dims: Dims, *, bias: bool = True) -> None:
        super().__init__(dims, bias=bias)
        self.gate = nn.Linear(dims.hidden_width, dims.required("ffn_width"), bias=bias)

    def units(self) -> Units:
        """As FeedForward's, each with its gate."""
        return Units("ffn", self.up.out_features, (self.up, self.gate), self.down)

    def forward(self, hidden: Tensor) -> Tensor:
        """[T, H] -> [T, H]"""
        out: Tensor = self.down(self.activated(hidden) * self.gate(hidden))
        return out
