"""Transformer layers for inference on a GPU in half precision: weights copied once, sums normed in one kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.blocks.attention import SelfAttention, attend
from zoo.blocks.embedding import SummedEmbedding
from zoo.blocks.feedforward import FeedForward
from zoo.blocks.kernels import note_kernel, own_kernels, put_in_thread
from zoo.blocks.layer import AttentionBlock, FeedForwardBlock
from zoo.core.batch import Batch

LEAST_TOKENS = 16_384
"""For fewer, the kernels would first have to be compiled for longer than they save."""

DEVICE = "cuda"
"""The kind of device that the kernels are for."""

_copies: WeakKeyDictionary[nn.Module, tuple[Tensor, Tensor | None]] = WeakKeyDictionary()
"""Weights and biases in half precision by the first layer that they are of. They are kept, and made anew in the same
place each time, as recorded work reads them there."""


@contextmanager
def fused_layers(n_tokens: int, *parts: nn.Module) -> Iterator[None]:
    """Inside, the halves of an encoder's layers on a GPU compute with weights in half precision, made once, and norm a
    residual sum in one kernel, if autocast is on and nothing needs a gradient.

    So does an embedding that is a sum of tables. `parts` are a model's embedding and encoder.
    Residual sums, norms and their results stay in float32, as under autocast. GELU is computed in its tanh form, on
    the way out of a product: it differs by less than half precision rounds. A half that is put together otherwise than
    BERT's, or has hooks, computes as always. Nothing of the encoder is changed for good.
    """
    with ExitStack() as stack:
        if n_tokens >= LEAST_TOKENS and _is_wanted() and own_kernels() is not None:
            ready = _Ready(torch.get_autocast_dtype(DEVICE))
            for module in chain.from_iterable(part.modules() for part in parts):
                forward = ready.forward(module)
                if forward is not None:
                    note_kernel("fused layers")
                    put_in_thread(stack, module, "forward", forward)
            ready.copy()
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
        self._copied: list[tuple[Tensor, Tensor]] = []

    def forward(self, half: nn.Module) -> Callable[..., Tensor] | None:
        """What an embedding or half of a layer computes; None if it is of a kind that is not known here."""
        if isinstance(half, SummedEmbedding) and half.project is None and _is_own(half) and _is_plain(half):
            return self._embedding(half)
        if type(half) is AttentionBlock and type(half.attention) is SelfAttention and _is_plain(half):
            return self._attention(half, half.attention)
        if type(half) is FeedForwardBlock and type(half.feedforward) is FeedForward and _is_plain(half):
            return self._feedforward(half, half.feedforward)
        return None

    def _embedding(self, its: SummedEmbedding) -> Callable[..., Tensor]:
        tables = [its.tokens, *([] if its.segments is None else [its.segments]), its.positions]
        norm: Any = its.norm

        def forward(batch: Batch) -> Tensor:
            rows = [batch.ids, *([] if its.segments is None else [batch.token_types]), batch.layout.positions]
            fused: Any = own_kernels()
            weights = [table.weight for table in tables]
            self.last = fused.embed_norm(weights, rows, norm.weight, norm.bias, norm.eps, self.dtype)
            return self.last[0]

        return forward

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
        """Where their weights, and their biases if they have any, will be in half precision."""
        first = layers[0].weight
        n_out = sum(layer.out_features for layer in layers)
        weight, bias = _copies.get(layers[0], (None, None))
        if weight is None or (weight.shape[0], weight.device, weight.dtype) != (n_out, first.device, self.dtype):
            weight = first.new_empty(n_out, first.shape[1], dtype=self.dtype)
            bias = None if layers[0].bias is None else first.new_empty(n_out, dtype=self.dtype)
            _copies[layers[0]] = weight, bias
        for values, parts in ((weight, [its.weight for its in layers]), (bias, [its.bias for its in layers])):
            if values is not None:
                self._copied += zip(torch.split(values, [len(part) for part in parts]), parts, strict=True)
        return weight, bias

    def copy(self) -> None:
        """Make the copies in half precision."""
        if self._copied:
            places, parts = zip(*self._copied, strict=True)
            torch._foreach_copy_(places, [part.detach() for part in parts])

    def _of(self, hidden: Tensor) -> Tensor:
        return self.last[1] if self.last and self.last[0] is hidden else hidden.to(self.dtype)

    def _normed(self, hidden: Tensor, added: Tensor, norm: Any) -> Tensor:
        fused: Any = own_kernels()
        self.last = fused.sum_norm(hidden, added, norm.weight, norm.bias, norm.eps)
        return self.last[0]


def _is_own(embedding: SummedEmbedding) -> bool:
    """Whether it computes as its base does."""
    return all(getattr(type(embedding), name) is getattr(SummedEmbedding, name) for name in ("forward", "narrow"))


def _is_plain(half: nn.Module) -> bool:
    """Whether its tables, linear layers and norm are torch's own in float32 on a GPU, and nothing of it has hooks."""
    if type(getattr(half, "norm", None)) is not nn.LayerNorm:
        return False
    parts = list(half.modules())
    weights = [part.weight for part in parts if isinstance(part, nn.Linear | nn.LayerNorm | nn.Embedding)]
    known = all(type(part) in (nn.Linear, nn.Embedding) for part in parts if isinstance(part, nn.Linear | nn.Embedding))
    here = all(
        weight is not None and weight.device.type == DEVICE and weight.dtype == torch.float32 for weight in weights
    )
    return known and here and not any(part._forward_hooks or part._forward_pre_hooks for part in parts[1:])
