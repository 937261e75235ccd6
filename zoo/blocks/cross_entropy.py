"""Cross-entropy over a vocabulary, without copies of the logits in float32."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.blocks.kernels import own_kernels
from zoo.core.batch import IGNORE

CHUNK_VALUES = 2**23
"""So many logits are in float32 at a time; for fewer, our kernel is not compiled, and on a CPU nothing is gained."""

CACHED_VALUES = 2**19
"""So many logits a CPU reads again from its caches."""


def cross_entropy_sum(logits: Tensor, targets: Tensor) -> Tensor:
    """The sum of cross-entropies in float32; targets of IGNORE do not count. [M, V], [M] -> scalar

    On a GPU, half-precision logits are never all widened, and the gradient has their type: at 8,192 tokens and BERT's
    vocabulary this saves 0.3 GB. On a CPU, many logits are read a few rows at a time, and their gradient is computed
    with the loss. In either case, a second backward pass or derivative is not possible, and raises RuntimeError.
    """
    if logits.device.type == "cpu" and logits.numel() >= CHUNK_VALUES:
        few_rows: Tensor = _FewRows.apply(logits, targets)  # type: ignore[no-untyped-call]
        return few_rows
    if logits.device.type != "cpu" and logits.dtype in (torch.bfloat16, torch.float16):
        with torch.autocast(logits.device.type, enabled=False):
            total: Tensor = _Chunked.apply(logits, targets)  # type: ignore[no-untyped-call]
        return total
    return _sum(logits, targets)


class _Chunked(torch.autograd.Function):
    """Logits [M, V] and targets [M] to the summed loss, its gradient computed with it: by our kernel if there is
    Triton, else a few rows in float32 at a time.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        """[M, V], [M] -> scalar"""
        if logits.is_cuda and logits.numel() >= CHUNK_VALUES and (ours := own_kernels()) is not None:
            total, ctx.made = ours.cross_entropy(logits, targets, IGNORE, gradient=ctx.needs_input_grad[0])
            return cast(Tensor, total)
        made = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        losses = []
        n_rows = max(1, CHUNK_VALUES // logits.shape[1])
        for start in range(0, len(logits), n_rows):
            rows = slice(start, start + n_rows)
            with torch.enable_grad():
                leaf = logits[rows].detach().requires_grad_()
                loss = _sum(leaf, targets[rows])
            losses.append(loss.detach())
            if made is not None:
                made[rows] = torch.autograd.grad(loss, leaf)[0]
        ctx.made = made
        return torch.stack(losses).sum() if losses else logits.new_zeros((), dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """What was computed, times the gradient of the sum."""
        return _once(ctx).mul_(gradients[0]), None


class _FewRows(torch.autograd.Function):
    """The same on a CPU, in its caches, and without a zero for each logit in the gradient of log-probabilities."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        """[M, V], [M] -> scalar"""
        made = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        total, n_rows = torch.zeros(()), max(1, CACHED_VALUES // logits.shape[1])
        counted, own = (targets != IGNORE)[:, None], targets.clamp(min=0)[:, None]
        for start in range(0, len(logits), n_rows):
            rows = slice(start, start + n_rows)
            wide = logits[rows].float()
            in_place = made[rows] if made is not None and made.dtype == torch.float32 else torch.empty_like(wide)
            logs = torch.log_softmax(wide, -1, out=in_place)
            total += F.nll_loss(logs, targets[rows], ignore_index=IGNORE, reduction="sum")
            if made is not None:
                logs.exp_().scatter_add_(1, own[rows], -counted[rows].float())
                if made.dtype != torch.float32:
                    made[rows] = logs
        if made is not None and not counted.all():
            made.masked_fill_(~counted, 0.0)
        ctx.made = made
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """What was computed, times the gradient of the sum."""
        return _once(ctx).mul_(gradients[0]), None


def _once(ctx: Any) -> Tensor:
    """The gradient that was computed with the loss. Raises RuntimeError at a second pass, or if it is to have one."""
    made, ctx.made = ctx.made, None
    if made is None or torch.is_grad_enabled():
        raise RuntimeError("a loss of so many logits has one backward pass and no second derivative")
    return cast(Tensor, made)


def _sum(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="sum")
