"""Compiling what layers do token by token, where a run is long enough to make up for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from zoo.blocks import AttentionBlock, FeedForwardBlock
from zoo.blocks.kernels import note_kernel
from zoo.model import Model

LONG_RUN = 2e16
"""From so many parameters x tokens on, compiling is made up for: about five minutes of training on an H200."""


def pays(model: Model, n_tokens: int) -> bool:
    """Whether a run over so many tokens is long enough."""
    return sum(parameter.numel() for parameter in model.parameters()) * n_tokens >= LONG_RUN


@contextmanager
def compiled_blocks(model: Model, wanted: bool) -> Iterator[None]:
    """Inside, the blocks of transformer layers are compiled but for attention: activation, dropout, sum and norm are
    fused, and what is cheap is computed again in the backward pass.

    Nothing of the model is changed for good, so that it can be copied and saved.
    """
    blocks = [module for module in model.encoder.modules() if isinstance(module, _KINDS)] if wanted else []
    for block in blocks:
        if isinstance(block, AttentionBlock):
            block.joined = torch.compile(block.joined)  # type: ignore[method-assign]
        else:
            block.compile()
        note_kernel("compiled layers")
    try:
        with _forgiving() if blocks else nullcontext():
            yield
    finally:
        for block in blocks:
            block.__dict__.pop("joined", None)
            block._compiled_call_impl = None


def _forgiving() -> AbstractContextManager[None]:
    """Inside, what cannot be compiled here runs as it is."""
    import torch._dynamo

    forgiving: AbstractContextManager[None] = torch._dynamo.config.patch(suppress_errors=True, recompile_limit=64)
    return forgiving


_KINDS = (AttentionBlock, FeedForwardBlock)
