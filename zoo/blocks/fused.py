"""Transformer layers for inference on a GPU in half precision: weights copied once, sums normed in one kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

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

_copies: WeakKeyDictionary[nn.Module, tuple[Tensor, Tensor | None]] = WeakKeyDictionary()
"""Weights and biases in half precision by the first layer that they are of. They are kept, and made anew in the same
place each time, as recorded work reads them there."""


@contextmanager
def fused_layers(encoder: nn.Module, n_tokens: int) -> Iterator[None]:
    """Inside, the halves of an encoder's layers on a GPU compute with weights in half precision, made once, and norm a
    residual sum in one kernel, if autocast is on and nothing needs a gradient.

    Residual sums, norms and their results stay in float32, as under autocast. GELU is computed in its tanh form, on
    the way out of a product: it differs by less than half precision rounds. A half that is put together otherwise than
    BERT's, or has hooks, computes as always. Nothing of the encoder is changed for good.
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
        down = self._linear(its.down)
        if type(its.activation) is nn.GELU and its.up.bias is not None and hasattr(torch, "_addmm_activation"):
            up = self._linear(its.up, gelu=True)
        else:
            widened = self._linear(its.up)
            up = lambda values: its.activation(widened(values))  # noqa: E731
        return lambda hidden: self._normed(hidden, down(up(self._of(hidden))), half.norm)

    def _linear(self, *layers: nn.Linear, gelu: bool = False) -> Callable[[Tensor], Tensor]:
        """Layers that read the same, as one."""
        weight, bias = self._copy(layers)
        if gelu:
            activated: Any = torch._addmm_activation
            return lambda values: activated(bias, values, weight.t(), use_gelu=True)
        return lambda values: F.linear(values, weight, bias)

    def _copy(self, layers: Sequence[nn.Linear]) -> tuple[Tensor, Tensor | None]:
        """Their weights, and their biases if they have any, in half precision."""
        first = layers[0].weight
        n_out = sum(layer.out_features for layer in layers)
        weight, bias = _copies.get(layers[0], (None, None))
        if weight is None or (weight.shape[0], weight.device, weight.dtype) != (n_out, first.device, self.dtype):
            weight = first.new_empty(n_out, first.shape[1], dtype=self.dtype)
            bias = None if layers[0].bias is None else first.new_empty(n_out, dtype=self.dtype)
            _copies[layers[0]] = weight, bias
        for values, parts in ((weight, [its.weight for its in layers]), (bias, [its.bias for its in layers])):
            if values is not None:
                for place, part in zip(torch.split(values, [len(part) for part in parts]), parts, strict=True):
                    place.copy_(part.detach())
        return weight, bias

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
