"""Workers and devices: how many processes fit on a GPU, which GPU each has, and who has one alone."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any, Protocol

from zoo.core.errors import RunFailed
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.model_jobs import Checkpoint, Pretrain
from zoo.experiments.plan.plan import Plan
from zoo.machine.compute import visible_gpus

WORKERS_ON_A_CPU = 2

GIB = 2**30
CONTEXT_BYTES = GIB
"""What a process needs on a GPU before its first tensor: CUDA's context, kernels and workspaces."""

BYTES_PER_PARAMETER = 16
"""A weight, its gradient and the two moments of its optimizer, in float32."""

BYTES_PER_NUMBER = {"fp32": 68, "bf16": 51}
"""Bytes that a layer keeps for its backward pass, per token and number of its width: 34 in 16 bits (Korthikanti et al.
2022, arXiv:2205.05198, section 4.1), twice as many in 32, and in between under autocast, which keeps some in 32."""

SHARE_PREDICTED = 0.25
"""At most about so many tokens are predicted."""

BYTES_PER_LOGIT = 12
"""A logit, its log-probability and its gradient, in float32."""

SLACK = 1.5
"""Estimates are crude, and the allocator keeps more than tensors need."""

SHARE_TOO_SMALL = "out of memory on a device that is shared"


class Share(Protocol):
    """A device as one of its processes sees it."""

    alone: bool
    """Whether no other process uses it."""
    n_bytes: float
    """The part of its memory that each process has."""

    def taken(self, alone: bool) -> Any:
        """Inside the context that this returns, the process uses the device, alone if asked for."""


class WholeDevice:
    """A device that this process does not share."""

    alone, n_bytes = True, inf

    @contextmanager
    def taken(self, alone: bool) -> Iterator[None]:
        """Nothing to wait for."""
        yield


class SharedDevice:
    """A device that `n` processes of this machine share; one that wants it alone waits for the others' jobs."""

    def __init__(self, context: Any, n: int, n_bytes: float = inf) -> None:
        self.alone, self.n_bytes, self._n = n == 1, n_bytes / n, n
        self._turn, self._permits = context.Lock(), context.Semaphore(n)

    @contextmanager
    def taken(self, alone: bool) -> Iterator[None]:
        """As Share says; who comes later waits behind who wants it alone."""
        wanted = self._n if alone else 1
        with self._turn:
            for _ in range(wanted):
                self._permits.acquire()
        try:
            yield
        finally:
            for _ in range(wanted):
                self._permits.release()


class PartOfDevice:
    """A part of a device that a cluster gave; to have the whole, the job must be sent again."""

    alone, n_bytes = False, inf

    @contextmanager
    def taken(self, alone: bool) -> Iterator[None]:
        """Raises RunFailed if it is wanted alone."""
        if alone:
            raise RunFailed(SHARE_TOO_SMALL)
        yield


def release_memory(*, after_failure: bool = False) -> None:
    """Give memory that this process has freed back to its GPU, for the others that share it; after a failure, also
    what only waits for the garbage collector.
    """
    import torch

    if after_failure:
        gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def default_workers(plan: Plan) -> int:
    """How many processes to start for a plan: two on a CPU, if it has two processors; on GPUs as many as their memory
    and the processors hold.
    """
    gpus = gpus_of(plan)
    if not plan.compute.device.startswith("cuda"):
        return 1 if plan.compute.device == "mps" else min(WORKERS_ON_A_CPU, n_processors())
    n_gpus = max(1, len(gpus))
    per_gpu = min(fits(plan, free_gpu_memory(plan.compute.torch_device.index)), max(1, n_processors() // n_gpus))
    return n_gpus * min(per_gpu, -(-len(plan.jobs) // n_gpus))


def gpus_of(plan: Plan) -> list[str]:
    """The GPUs to divide among processes, all of one kind; none if the plan needs none, or names one."""
    import torch

    if plan.compute.device != "cuda":
        return []
    gpus = visible_gpus()
    kinds = [torch.cuda.get_device_name(index) for index in range(len(gpus))] if len(gpus) > 1 else ["one"]
    return [gpu for gpu, kind in zip(gpus, kinds, strict=True) if kind == kinds[0]]


def fits(plan: Plan, free_bytes: int) -> int:
    """How many fine-tunings of a plan fit into so much memory, by a rough estimate; at least one."""
    return max(1, free_bytes // max(needed_bytes(plan, variant.name) for variant in plan.trained))


def needed_bytes(plan: Plan, system: str, *, pretraining: bool = False) -> int:
    """The memory that a variant's fine-tuning, or pre-training, needs on a GPU, by a rough estimate."""
    variant = plan.variant(system)
    dims, read = variant.dims, variant.pretraining.batch_tokens if pretraining else 0
    ffn = dims.ffn_width or 4 * dims.hidden_width
    per_layer = 4 * dims.hidden_width**2 + 2 * dims.hidden_width * ffn
    parameters = (dims.vocab_size + dims.max_length) * dims.embedding_width + dims.n_layers * per_layer
    tokens = read or variant.finetuning.batch_size * variant.finetuning.max_length
    kept = BYTES_PER_NUMBER[plan.compute.precision] * tokens * dims.n_layers * dims.hidden_width
    logits = BYTES_PER_LOGIT * SHARE_PREDICTED * read * dims.vocab_size
    return int(CONTEXT_BYTES + SLACK * (BYTES_PER_PARAMETER * parameters + kept + logits))


def wants_alone(plan: Plan, job: Job, share: Share) -> bool:
    """Whether a job takes its device alone from the start: a pre-training that seems larger than its part."""
    if share.alone or job.kind not in (Pretrain.name, Checkpoint.name):
        return share.alone
    return needed_bytes(plan, job.system, pretraining=True) > share.n_bytes


def shares_of(plan: Plan, context: Any, gpus: Sequence[str | None]) -> dict[str | None, SharedDevice]:
    """By GPU, None for what all workers have in common, the device as its workers share it."""
    on_gpu = plan.compute.device.startswith("cuda")
    free = free_gpu_memory(plan.compute.torch_device.index) if on_gpu else inf
    return {gpu: SharedDevice(context, gpus.count(gpu), free) for gpu in dict.fromkeys(gpus)}


def free_gpu_memory(index: int | None = None) -> int:
    """The free bytes of a GPU, the current one if none is named."""
    import torch

    return int(torch.cuda.mem_get_info(index)[0])


def n_processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def divided(gpus: Sequence[str], n: int) -> list[str | None]:
    """The GPU of each of `n` workers, in turn; None if there are none to divide."""
    return [gpus[worker % len(gpus)] if gpus else None for worker in range(n)]
