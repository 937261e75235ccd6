"""Linear layers by oneDNN's products, on processors where these are faster than torch's own layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn

from zoo.blocks.attention import SelfAttention
from zoo.blocks.feedforward import LARGE, FeedForward, GatedFeedForward
from zoo.blocks.kernels import note_kernel, put_in_thread
from zoo.blocks.products import feedforward, linears, operators, precision

LEAST_TOKENS = 1_024
"""To lay out a weight again takes as long as oneDNN then saves in about 300 tokens."""

LEAST_WEIGHTS = 2**21
"""For smaller encoders, code for each new number of tokens costs more than it saves."""

LEAST_TRAINED = 2**33
"""Weights times tokens of a training step, from which on it saves more than code for another number of tokens costs."""

N_SUMS = 2_039
"""Sums of a weight's bits: a prime, so that rows and columns of the usual widths that change places change sums."""

FUSED: dict[tuple[type[nn.Module], str], tuple[str, str]] = {
    (nn.GELU, "none"): ("gelu", "none"),
    (nn.GELU, "tanh"): ("gelu", "tanh"),
    (nn.ReLU, ""): ("relu", ""),
}
"""What a product does to its sums before it stores them, by activation and approximation."""

FUSABLE = (FeedForward, GatedFeedForward)
"""Those whose first product is activated; a subclass may use it otherwise."""

IN_FP32 = "some layers in fp32"
"""What results say of `computed_in_fp32`."""

_in_fp32: ContextVar[WeakSet[nn.Module]] = ContextVar("computed in fp32", default=WeakSet())  # noqa: B039  # not changed

_kept: WeakKeyDictionary[nn.Module, _LaidOut] = WeakKeyDictionary()


@contextmanager
def computed_in_fp32(layers: Iterable[nn.Module]) -> Iterator[None]:
    """Inside `onednn_linear`, without gradients, the linear layers among these compute in float32 under autocast."""
    token = _in_fp32.set(WeakSet(layer for layer in layers if type(layer) is nn.Linear))
    try:
        yield
    finally:
        _in_fp32.reset(token)


@contextmanager
def onednn_linear(module: nn.Module, n_tokens: int, *, keep: bool = False) -> Iterator[None]:
    """Inside, the linear layers of a module on a CPU compute by oneDNN, if `n_tokens` to read make up for it.

    Without gradients they read weights laid out for it, in bfloat16 under autocast, and the activation of a
    feed-forward network is part of its first product. Hooks are called. Nothing of the module is changed for good; what
    a layer gives differs by rounding. If `keep`, what was laid out serves again until the weights change or are
    trained.
    """
    with ExitStack() as stack:
        dtype = precision()
        layers = [layer for layer in module.modules() if _is_plain(layer)] if dtype else []
        if dtype and _pays(sum(layer.weight.numel() for layer in layers), n_tokens):
            if torch.is_grad_enabled():
                note_kernel("oneDNN linear")
                for layer in layers:
                    _kept.pop(layer, None)
                _train(stack, module, layers, dtype)
            else:
                note_kernel("prepacked linear")
                _prepack(stack, module, layers, _Narrow(dtype, keep))
        elif not torch.is_grad_enabled():
            for each in module.modules():
                if each in _in_fp32.get():
                    note_kernel(IN_FP32)
                    put_in_thread(stack, each, "forward", partial(_in_full, each))
        yield


def _pays(n_weights: int, n_tokens: int) -> bool:
    if torch.is_grad_enabled():
        return n_weights * n_tokens >= LEAST_TRAINED
    return n_weights >= LEAST_WEIGHTS and n_tokens >= LEAST_TOKENS


def _prepack(stack: ExitStack, module: nn.Module, layers: list[nn.Linear], narrow: _Narrow) -> None:
    for each in module.modules():
        if isinstance(each, FeedForward) and type(each) in FUSABLE and each.up in layers:
            what = FUSED.get((type(each.activation), getattr(each.activation, "approximate", "")))
            hooked = any(part._forward_hooks or part._forward_pre_hooks for part in (each.up, each.activation))
            if what is not None and not hooked:  # fused, neither of them is called
                layers.remove(each.up)
                put_in_thread(stack, each, "activated", narrow.product(each.up, *what))
    for layer in layers:
        put_in_thread(stack, layer, "forward", narrow.product(layer))


@dataclass(frozen=True)
class _LaidOut:
    """A weight as oneDNN reads it, and what the layer was when it was laid out."""

    weight: Tensor
    dtype: torch.dtype
    state: tuple[object, ...]


class _Narrow:
    """Products of a precision. An input that several layers read, as queries, keys and values, is converted once."""

    def __init__(self, dtype: torch.dtype, keep: bool) -> None:
        self._dtype, self._keep = dtype, keep
        self._last: tuple[Tensor, int, Tensor] | None = None

    def product(self, layer: nn.Linear, *fused: str) -> Callable[[Tensor], Tensor]:
        """What a layer computes, with an activation in it if one is named."""
        linear = operators()[0]
        attribute, algorithm = fused or ("none", "")
        dtype = self._dtype
        if layer in _in_fp32.get():
            dtype = torch.float32
            note_kernel(IN_FP32)
        weight = self._laid_out(layer, dtype)
        bias = None if layer.bias is None else layer.bias.detach()

        def forward(values: Tensor) -> Tensor:
            out: Tensor = linear(self._converted(values, dtype), weight, bias, attribute, [], algorithm)
            return out

        return forward

    def _converted(self, values: Tensor, dtype: torch.dtype) -> Tensor:
        if values.dtype == dtype:
            return values
        before, version, converted = self._last or (None, 0, values)
        if before is not values or version != _version(values) or converted.dtype != dtype:
            converted = values.to(dtype)
            self._last = None if values.is_inference() else (values, _version(values), converted)
        return converted

    def _laid_out(self, layer: nn.Linear, dtype: torch.dtype) -> Tensor:
        found = _kept.get(layer)
        state = _state(layer.weight) if self._keep or found else ()
        if found is None or found.dtype != dtype or found.state != state:
            found = _LaidOut(operators()[1](layer.weight.detach().to(dtype)), dtype, state)
            _kept.pop(layer, None)
            if self._keep:
                _kept[layer] = found
        return found.weight


def _state(weight: Tensor) -> tuple[object, ...]:
    """What changes with a weight: its place, its version, and, as `weight.data` may be written to, sums of its bits.

    One sum would be that of the same numbers in other places, as after a permutation of rows.
    """
    numbers = weight.detach().contiguous().flatten()
    n_summed = len(numbers) // (2 * N_SUMS) * 2 * N_SUMS
    sums = numbers[:n_summed].view(torch.int64).view(-1, N_SUMS).sum(0)
    return weight.data_ptr(), _version(weight), hash(sums.numpy().tobytes() + numbers[n_summed:].numpy().tobytes())


def _version(values: Tensor) -> int:
    """How often it was written to; those made in inference mode do not say it."""
    return 0 if values.is_inference() else values._version


def _in_full(layer: nn.Module, values: Tensor) -> Tensor:
    with torch.autocast(values.device.type, enabled=False):
        out: Tensor = type(layer).forward(layer, values.float())
        return out


def _train(stack: ExitStack, module: nn.Module, layers: list[nn.Linear], dtype: torch.dtype) -> None:
    """Several layers are one operation where they read the same, or are a feed-forward network with GELU."""
    free, joined = {layer for layer in layers if not _hooked(layer)}, set[nn.Module]()
    for each in module.modules():
        if isinstance(each, SelfAttention) and type(each).projected is SelfAttention.projected:
            its = each.query, each.key, each.value
            if free.issuperset(its):
                put_in_thread(stack, each, "projected", partial(_joined, its, dtype))
                joined.update(its)
        elif type(each) is FeedForward and free.issuperset((each.up, each.down)) and _is_gelu(each.activation):
            put_in_thread(stack, each, "forward", partial(_feedforward, each, each.activation, dtype))
            joined.update((each.up, each.down))
    for layer in layers:
        if layer not in joined:
            put_in_thread(stack, layer, "forward", partial(_trained, layer, dtype))


def _joined(layers: tuple[nn.Linear, ...], dtype: torch.dtype, values: Tensor) -> tuple[Tensor, ...]:
    return linears(values, dtype, *(parameter for layer in layers for parameter in (layer.weight, layer.bias)))


def _trained(layer: nn.Linear, dtype: torch.dtype, values: Tensor) -> Tensor:
    return linears(values, dtype, layer.weight, layer.bias)[0]


def _feedforward(network: FeedForward, activation: nn.GELU, dtype: torch.dtype, values: Tensor) -> Tensor:
    up, down = network.up, network.down
    keeps = len(values) * up.out_features < LARGE
    return feedforward(values, dtype, activation.approximate, keeps, up.weight, up.bias, down.weight, down.bias)


def _is_gelu(activation: nn.Module) -> TypeGuard[nn.GELU]:
    return type(activation) is nn.GELU and not _hooked(activation)


def _hooked(module: nn.Module) -> bool:
    """Whether something is called when it is, or when its gradient is known."""
    return bool(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    )


def _is_plain(layer: nn.Module) -> TypeGuard[nn.Linear]:
    """Whether it is a linear layer and nothing else, in float32 on a CPU."""
    if type(layer) is not nn.Linear or layer._forward_pre_hooks:  # in which torch's pruning makes the weight
        return False
    return layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32
