"""The processes that train one model together; one process alone is a team, too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from zoo.core.batch import CPU
from zoo.core.errors import RunFailed

PATIENCE = timedelta(hours=12)
"""How long the others wait for the leader, who may have a large corpus to tokenize."""


@dataclass(frozen=True)
class Team:
    """This process's place among so many, and where it computes."""

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def wrapped(self, model: nn.Module) -> nn.Module:
        """The model with its gradients averaged over the team after each backward pass."""
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=None if self.device == CPU else [self.device])

    def quiet(self, runner: nn.Module, quiet: bool) -> AbstractContextManager[None]:
        """Where gradients are only added up, not averaged yet, if `quiet`."""
        return runner.no_sync() if quiet and isinstance(runner, DistributedDataParallel) else nullcontext()

    def total(self, values: Tensor) -> Tensor:
        """The sum of everyone's values."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Until everyone is here."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def joined(device: torch.device) -> Iterator[Team]:
    """The team that torchrun has called together, left at the end; without torchrun, this process alone.

    Raises RunFailed where another process of it has ended.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team(device=device)
        return
    on_cpu = device == CPU
    if not on_cpu:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    distributed.init_process_group("gloo" if on_cpu else "nccl", timeout=PATIENCE)
    try:
        yield Team(distributed.get_rank(), size, device)
    except RuntimeError as error:
        if isinstance(error, distributed.DistError) or "gloo/transport" in str(error):
            raise RunFailed("another process of the team has ended; its message says why") from error
        raise
    finally:
        distributed.destroy_process_group()
