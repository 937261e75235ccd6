"""How fast this machine multiplies matrices, and how much of that a model needs."""

from __future__ import annotations

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from zoo.batch import Batch
from zoo.model import Model
from zoo.train.loop import Precision

_SIZE = {"cpu": 1024, "cuda": 8192}


def matmul_peak(device: torch.device, precision: Precision, trials: int = 6) -> float:
    """The most floating-point operations a second seen in products of large square matrices."""
    n = _SIZE.get(device.type, 1024)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.ones(n, n, dtype=dtype, device=device) for _ in range(2))
    best = 0.0
    for _ in range(trials):
        _wait(device)
        began = time.perf_counter()
        left @ right
        _wait(device)
        best = max(best, 2 * n**3 / (time.perf_counter() - began))
    return best


def training_flops(model: Model, batch: Batch) -> float:
    """The operations of matrix products in one training step: a forward pass, and twice as much backward."""
    training = model.training
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(batch.to(next(model.parameters()).device))
    model.train(training)
    return 3.0 * counter.get_total_flops()


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
