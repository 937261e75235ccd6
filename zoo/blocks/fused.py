"""Transformer layers for inference on a GPU in half precision: weights made ready once, sums normed in one kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.attention import SelfAttention, attend
from zoo.blocks.feedforward import FeedForward
from zoo.blocks.kernels import note_kernel, own_kernels, put_in_thread
from zoo.blocks.layer import AttentionBlock, FeedForwardBlock

LEAST_TOKENS = 16_384
"""For fewer, the kernels would first have to be compiled for longer than they save."""

DEVICE = "cuda"
"""The kind of device that the kernels are for."""


@contextmanager
def fused_layers(encoder: nn.Module, n_tokens: int) -> Iterator[None]:
    """Inside, the halves of an encoder's layers on a GPU compute with weights in half precision, made once, and norm a
    residual sum in one kernel, if autocast is on and nothing needs a gradient.

    Residual sums, norms and their results stay in float32, as under autocast. A half that is put together otherwise
    than BERT's, or has hooks, computes as always. Nothing of the encoder is changed for good.
    """
    with ExitStack() as stack:
        if n_tokens >= LEAST_TOKENS and _is_wanted() and own_kernels() is not None:
            ready = _Ready(torch.get_autocast_dtype(DEVICE))
            for half in encoder.modules():
                forward = ready.forward(half)
                if forward is not None:
                    note_kernel("fused layers")
                    put_in_thread(stack, half, "forward", forward)
        yield


def _is_wanted() -> bool:
    return torch.is_autocast_enabled(DEVICE) and not torch.is_grad_enabled()


class _Ready:
    """Halves of layers made ready, and the last sum that was normed in float32 and, for the next half, in half
    precision.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.last: tuple[Tensor, Tensor] | None = None

    def forward(self, half: nn.Module) -> Callable[..., Tensor] | None:
        """What a half of a layer computes; None if it is of a kind that is not known here."""
        if not _is_plain(half):
            return None
        if type(half) is AttentionBlock and type(half.attention) is SelfAttention:
            return self._attention(half, half.attention)
        if type(half) is FeedForwardBlock and type(half.feedforward) is FeedForward:
            return self._feedforward(half, half.feedforward)
        return None

    def _attention(self, half: AttentionBlock, its: SelfAttention) -> Callable[..., Tensor]:
        project, output = self._linear(its.query, its.key, its.value), self._linear(its.output)
        usual = half.forward

        def forward(hidden: Tensor, layout: Any, *shared: Any) -> Tensor:
            if shared:
                return usual(hidden, layout, *shared)
            parts = project(self._of(hidden)).view(len(hidden), 3, its.n_heads, -1)
            query, key, value = parts.unbind(1)
            query, key = its.positions(query, key, layout)
            mixed = attend(query, key, value, layout, window=its.window, scale=its.scale)
            return self._normed(hidden, output(mixed.flatten(1)), half.norm)

        return forward

    def _feedforward(self, half: FeedForwardBlock, its: FeedForward) -> Callable[..., Tensor]:
        up, down = self._linear(its.up), self._linear(its.down)
        return lambda hidden: self._normed(hidden, down(its.activation(up(self._of(hidden)))), half.norm)

    def _linear(self, *layers: nn.Linear) -> Callable[[Tensor], Tensor]:
        """Layers that read the same, as one."""
        weight = torch.cat([layer.weight.detach() for layer in layers]).to(self.dtype)
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        bias = torch.cat(biases).to(self.dtype) if biases else None
        return lambda values: F.linear(values, weight, bias)

    def _of(self, hidden: Tensor) -> Tensor:
        return self.last[1] if self.last and self.last[0] is hidden else hidden.to(self.dtype)

    def _normed(self, hidden: Tensor, added: Tensor, norm: Any) -> Tensor:
        fused: Any = own_kernels()
        self.last = fused.sum_norm(hidden, added, norm.weight, norm.bias, norm.eps)
        return self.last[0]


def _is_plain(half: nn.Module) -> bool:
    """Whether its linear layers and norm are torch's own in float32 on a GPU, and nothing of it has hooks."""
    if type(getattr(half, "norm", None)) is not nn.LayerNorm:
        return False
    parts = list(half.modules())
    weights = [part.weight for part in parts if isinstance(part, nn.Linear | nn.LayerNorm)]
    known = all(type(part) is nn.Linear for part in parts if isinstance(part, nn.Linear))
    here = all(
        weight is not None and weight.device.type == DEVICE and weight.dtype == torch.float32 for weight in weights
    )
    return known and here and not any(part._forward_hooks or part._forward_pre_hooks for part in parts[1:])
