"""The processes that train one model together; one process alone is such a group, too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from zoo.core.errors import RunFailed, ZooError
from zoo.machine.compute import Compute

PATIENCE = timedelta(hours=12)
"""How long the others wait for the main process, which may have a large corpus to tokenize."""


@dataclass(frozen=True)
class Distributed:
    """This process's rank among `size` processes that train one model."""

    rank: int = 0
    size: int = 1
    shards_model: bool = False
    """Whether the model is divided among them, and not only the work."""

    @property
    def is_main_process(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def wrap_ddp(self, model: nn.Module) -> nn.Module:
        """The model with its gradients averaged over the processes after each backward pass."""
        if self.size == 1 or self.shards_model:
            return model
        device = next(model.parameters()).device
        return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)

    def no_sync(self, runner: nn.Module, wanted: bool) -> AbstractContextManager[None]:
        """Inside, if `wanted`, gradients are only added up, not averaged yet."""
        if self.shards_model:
            runner.set_requires_gradient_sync(not wanted)  # type: ignore[operator]
        return runner.no_sync() if wanted and isinstance(runner, DistributedDataParallel) else nullcontext()

    def reshard(self, model: nn.Module) -> None:
        """Let go of weights that were gathered for passes without a backward pass, which would do that."""
        if self.shards_model:
            model.reshard()  # type: ignore[operator]

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """The sum of the values of all processes."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def same_everywhere(self, text: str) -> str:
        """The leading process's text, for all; all processes have to ask."""
        texts = [text]
        if self.size > 1:
            distributed.broadcast_object_list(texts, src=0)
        return texts[0]

    def barrier(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            distributed.barrier()


def whole(values: Tensor) -> Tensor:
    """The tensor that processes hold in shards, which all of them have to ask for; others as they are."""
    together: Callable[[], Tensor] | None = getattr(values, "full_tensor", None)  # of a DTensor, whose import is slow
    return values if together is None else together()


@contextmanager
def init_distributed(compute: Compute) -> Iterator[Distributed]:
    """The processes that torchrun has started, left at the end; without torchrun, this process alone.

    On GPUs, each process takes its own as the current one. Raises RunFailed if another process has ended.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Distributed()
        return
    on_gpus = compute.device == "cuda"
    if on_gpus:
        place, n_gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        if place >= n_gpus:
            raise ZooError(
                f"torchrun has started process {place + 1} here, and there are {n_gpus} GPUs; start one each"
            )
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if on_gpus else "gloo", timeout=PATIENCE)
    try:
        yield Distributed(distributed.get_rank(), size)
    except RuntimeError as error:
        if isinstance(error, distributed.DistError) or "gloo/transport" in str(error):
            raise RunFailed("another process of the run has ended; its message says why") from error
        raise
    finally:
        distributed.destroy_process_group()
