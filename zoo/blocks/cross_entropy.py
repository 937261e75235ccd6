"""Cross-entropy over a vocabulary, without copies of the logits in float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.core.batch import IGNORE

CHUNK_VALUES = 2**24
"""So many logits are in float32 at a time."""


def cross_entropy_sum(logits: Tensor, targets: Tensor) -> Tensor:
    """The sum of cross-entropies in float32; targets of IGNORE do not count. [M, V], [M] -> scalar

    On a GPU, half-precision logits are widened some rows at a time, forward and backward, and the gradient has their
    type: at 8,192 tokens and BERT's vocabulary this saves 0.3 GB.
    """
    if logits.device.type != "cpu" and logits.dtype in (torch.bfloat16, torch.float16):
        with torch.autocast(logits.device.type, enabled=False):
            total: Tensor = _Chunked.apply(logits, targets)  # type: ignore[no-untyped-call]
        return total
    return _sum(logits, targets)


class _Chunked(torch.autograd.Function):
    """Logits [M, V] and targets [M] to the summed loss, a few rows in float32 at a time."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        """Keeps the logits as they are."""
        ctx.save_for_backward(logits, targets)
        return torch.stack([_sum(*rows) for rows in _in_rows(logits, targets)]).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Each chunk's loss is computed again, for its gradient."""
        logits, targets = ctx.saved_tensors
        made = torch.empty_like(logits)
        for out, (rows, wanted) in zip(torch.split(made, _n_rows(logits)), _in_rows(logits, targets), strict=True):
            with torch.enable_grad():
                leaf = rows.detach().requires_grad_()
                loss = _sum(leaf, wanted)
            out.copy_(torch.autograd.grad(loss, leaf, gradients[0])[0])
        return made, None


def _sum(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="sum")


def _n_rows(logits: Tensor) -> int:
    return max(1, CHUNK_VALUES // logits.shape[1])


def _in_rows(logits: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(torch.split(logits, _n_rows(logits)), torch.split(targets, _n_rows(logits)), strict=True)
