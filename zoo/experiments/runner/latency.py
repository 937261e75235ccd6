"""The inference speed of a fine-tuned model, on sequences as long as the task's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from zoo.experiments.results.records import Measured
from zoo.heads import TaskHead
from zoo.machine.compute import Compute, synchronize
from zoo.model import Model
from zoo.tasks.kinds import EncodedItem
from zoo.train.finetune import predict

ONE_BY_ONE = 16
"""Sequences in a pass of batch 1."""

TOGETHER = 128
"""Sequences in a pass of whole batches."""

FEWEST, MOST = 3, 9
"""The fewest timed passes, after a warm-up."""

SECONDS = 0.25
"""Seconds for which passes are repeated beyond the fewest."""


def latency(model: Model, head: TaskHead, items: Sequence[EncodedItem], compute: Compute | None = None) -> Measured:
    """Seconds per sequence at batch size 1, the mean over a pass, in the precision of `compute`."""
    with (compute or Compute()).autocast():
        return latency_of(lambda chosen: predict(model, head, chosen), items, device_of(model))


def latency_of(
    answer: Callable[[Sequence[EncodedItem]], object], items: Sequence[EncodedItem], device: torch.device
) -> Measured:
    """The same of any function that answers items."""
    chosen = spread_by_length(items, ONE_BY_ONE)

    def answer_each() -> None:
        for item in chosen:
            answer([item])

    return summed_up([seconds / len(chosen) for seconds in repeated(answer_each, device)])


def throughput(model: Model, head: TaskHead, items: Sequence[EncodedItem], compute: Compute | None = None) -> Measured:
    """Sequences per second, in batches of similar length, in the precision of `compute`."""
    with (compute or Compute()).autocast():
        return throughput_of(lambda chosen: predict(model, head, chosen), items, device_of(model))


def throughput_of(
    answer: Callable[[Sequence[EncodedItem]], object], items: Sequence[EncodedItem], device: torch.device
) -> Measured:
    """The same of any function that answers items."""
    chosen = spread_by_length(items, TOGETHER)
    return summed_up([len(chosen) / seconds for seconds in repeated(lambda: answer(chosen), device)])


def spread_by_length(items: Sequence[EncodedItem], n: int) -> list[EncodedItem]:
    """At most `n` items with the lengths of the whole: evenly spaced when ordered by length."""
    ordered = sorted(items, key=len)
    n = min(n, len(ordered))
    return [ordered[(2 * place + 1) * len(ordered) // (2 * n)] for place in range(n)]


def device_of(model: Model) -> torch.device:
    """Where a model computes."""
    return next(model.parameters()).device


def repeated(work: Callable[[], object], device: torch.device) -> list[float]:
    """The seconds of each of several passes, after one to warm up; a GPU is waited for."""
    work()
    synchronize(device)
    passes: list[float] = []
    while len(passes) < FEWEST or (len(passes) < MOST and sum(passes) < SECONDS):
        began = time.perf_counter()
        work()
        synchronize(device)
        passes.append(time.perf_counter() - began)
    return passes


def summed_up(values: Sequence[float]) -> Measured:
    """Median and quartiles."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return Measured(median=median, low=low, high=high, repeats=len(values))
