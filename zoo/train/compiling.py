"""Compiling transformer layers, where a run is long enough to make up for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from zoo.blocks import AttentionBlock, FeedForwardBlock, Layer
from zoo.blocks.kernels import ONCE_TRACED, note_kernel
from zoo.core.layout import Layout
from zoo.model import Model

LONG_RUN = 2e16
"""From so many parameters x tokens on, compiling is made up for: about five minutes of training on an H200."""


def pays(model: Model, n_tokens: int) -> bool:
    """Whether a run over so many tokens is long enough."""
    return sum(parameter.numel() for parameter in model.parameters()) * n_tokens >= LONG_RUN


@contextmanager
def compiled_layers(model: Model, wanted: bool) -> Iterator[None]:
    """Inside, transformer layers are compiled: casts, activation, dropout, sum and norm are fused, and what is cheap is
    computed again in the backward pass. Of layers put together otherwise, the two halves are, but for attention.

    Nothing of the model is changed for good, so that it can be copied and saved.
    """
    if not wanted:
        yield
        return
    import torch._dynamo

    for function in ONCE_TRACED:
        torch.compiler.assume_constant_result(function)  # type: ignore[no-untyped-call]
    torch._dynamo.reset()  # what was compiled for other lengths would be compiled for any length
    with torch._dynamo.config.patch(suppress_errors=True, recompile_limit=64):  # or else it runs as it is
        changed = list(_put_in(model.encoder))
        note_kernel("compiled layers")
        try:
            yield
        finally:
            for part, name in changed:
                part.__dict__.pop(name, None)


def _put_in(encoder: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Compile the layers of an encoder, or the halves of what is none; yields what was put in the place of a method."""
    done: set[nn.Module] = set()
    for module in encoder.modules():
        if module in done:
            continue
        if isinstance(module, Layer):
            done |= set(module.modules())
            module.forward = _by_shape(module)  # type: ignore[method-assign]
            yield module, "forward"
        elif isinstance(module, AttentionBlock):
            module.joined = torch.compile(module.joined)  # type: ignore[method-assign]
            yield module, "joined"
        elif isinstance(module, FeedForwardBlock):
            module.forward = torch.compile(module.forward)  # type: ignore[method-assign]
            yield module, "forward"


def _by_shape(layer: Layer) -> Callable[..., Tensor]:
    """A layer, compiled for layouts as far as they are the same for all batches of a shape: so it is compiled once, and
    not while steps are recorded. What it asks of a layout is learned first, and made before it is called.
    """
    plain, compiled, tables = layer.forward, torch.compile(layer.forward), dict[bool, set[str]]()

    def forward(hidden: Tensor, layout: Layout, *shared: Any) -> Tensor:
        if layout.is_rectangle not in tables:
            training = layer.training
            with torch.no_grad():
                layer.eval()
                plain(hidden, layout, *shared)
                layer.train(training)
            tables[layout.is_rectangle] = set(layout.tables)
        for name in tables[layout.is_rectangle]:
            getattr(layout, name)
        out: Tensor = compiled(hidden, layout.of_shape(), *shared)
        return out

    return forward
