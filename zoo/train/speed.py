"""How fast this machine multiplies matrices, and how much of that a model needs."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from zoo.core.batch import Batch
from zoo.core.specs import Precision
from zoo.machine.compute import Compute, synchronize
from zoo.model import Model
from zoo.train.step import Step

_SIZE = {"cpu": 1024, "cuda": 8192}
"""Rows of the largest matrices that are multiplied."""

_SLOW = 0.05
"""Seconds of a product."""


class Speed:
    """The share of the machine's measured peak of matrix products that steps make use of."""

    def __init__(self, model: Model, compute: Compute, n_processes: int) -> None:
        self._model, self._compute, self._n_processes = model, compute, n_processes
        self._peak = self._flops_per_token = 0.0
        self.measure()

    def measure(self) -> None:
        """Look at the peak again, as other programs may have been in the way; the best counts."""
        peak = matmul_peak(self._compute.torch_device, self._compute.precision) * self._n_processes
        self._peak = max(self._peak, peak)

    def share(self, step: Step, batch: Batch | None) -> float:
        """Of one step."""
        if not self._flops_per_token and batch is not None:
            part = batch.micro_batch(0, min(4, batch.n_items))
            self._flops_per_token = training_flops(self._model, part) / len(part.ids)
        return self._flops_per_token * step.n_tokens / step.seconds / self._peak


def matmul_peak(device: torch.device, precision: Precision, trials: int = 6) -> float:
    """The most floating-point operations per second seen in products of square matrices, larger and larger ones.

    A processor without instructions for a precision takes minutes for large ones, so growth ends where one is slow.
    """
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    best, n = 0.0, 128
    while True:
        left, right = (torch.ones(n, n, dtype=dtype, device=device) for _ in range(2))
        seconds = min(_seconds(left, right) for _ in range(trials))
        best = max(best, 2 * n**3 / seconds)
        if n >= _SIZE.get(device.type, 1024) or seconds > _SLOW:
            return best
        n *= 2


def _seconds(left: Tensor, right: Tensor) -> float:
    synchronize(left.device)
    began = time.perf_counter()
    left @ right
    synchronize(left.device)
    return time.perf_counter() - began


def training_flops(model: Model, batch: Batch) -> float:
    """The operations of matrix products in one training step: a forward pass, and twice as much backward."""
    training = model.training
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(batch.to(next(model.parameters()).device))
    model.train(training)
    return 3.0 * counter.get_total_flops()
