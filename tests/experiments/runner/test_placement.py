"""Workers on GPUs: how many, which GPU each has, and what happens where memory runs out on one that is shared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import torch

from tests.experiments.synthetic_runs import CATALOG, finetuned, made_up
from zoo.core.errors import ZooError
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult
from zoo.experiments.runner import executors, job, placement
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.placement import GIB, PartOfDevice, SharedDevice, default_workers, fits, wants_alone
from zoo.experiments.runner.ray_cluster import RayCluster
from zoo.machine.compute import Compute

BASE = "bert-base-uncased"
ON_GPU = Compute(device="cuda", threads=1)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine that says it has two GPUs with 20 GiB free, and 32 processors; the names may be changed."""
    names = ["ACME 9000", "ACME 9000"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: names[index])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (20 * GIB, 24 * GIB))
    monkeypatch.setattr(placement, "n_processors", lambda: 32)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return names


@cache
def planned(variant: str, compute: Compute = ON_GPU, n_seeds: int = 20) -> Plan:
    plan = made_up(1, {"bert-tiny": [1]}).plan
    changed = {"compute": compute, "seeds": tuple(range(n_seeds)), "variants": (CATALOG.variant(variant),)}
    return plan.model_copy(update=changed)


def test_many_small_models_share_a_gpu_and_a_large_one_has_it_alone() -> None:
    tiny, base = planned("bert-tiny"), planned(BASE)
    assert fits(tiny, 20 * GIB) > 8
    assert fits(base, 8 * GIB) == 1
    # 110 M parameters with gradients and two moments take 1.64 GiB, whatever else is kept.
    assert fits(base, 140 * GIB) < 140 / 1.64
    assert fits(base, 1) == 1
    half = base.model_copy(update={"compute": Compute(device="cuda", precision="bf16")})
    assert fits(half, 600 * GIB) > fits(base, 600 * GIB)


def test_without_a_number_workers_are_as_many_as_memory_processors_and_jobs_allow(
    two_gpus: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_workers(planned("bert-tiny")) == 2 * min(fits(planned("bert-tiny"), 20 * GIB), 16, 12)
    assert default_workers(planned(BASE)) == 2 * fits(planned(BASE), 20 * GIB)
    assert default_workers(planned("bert-tiny", n_seeds=1)) <= 4
    for processors, workers in ((1, 1), (2, 2), (4, 2)):
        monkeypatch.setattr(placement, "n_processors", lambda processors=processors: processors)
        assert default_workers(planned("bert-tiny", Compute(threads=1))) == workers
    assert default_workers(planned("bert-tiny")) == 4
    assert default_workers(planned("bert-tiny", Compute(device="cuda:1"))) == 4


def test_a_pretraining_that_is_larger_than_its_part_of_a_device_takes_it_alone_from_the_start() -> None:
    plan = planned(BASE)
    pretraining, *_, tuning = (cell for cell in plan.jobs if cell.kind in ("pretrain", "finetune"))
    small, large = (SharedDevice(threading, 10, free * GIB) for free in (100, 5_000))
    # 131,072 tokens in 12 layers of width 768, 68 bytes each: 76 GiB to keep for the backward pass
    assert wants_alone(plan, pretraining, small)
    assert not wants_alone(plan, pretraining, large)
    assert not wants_alone(plan, tuning, small)


def places_of(n: int, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], dict[Any, SharedDevice]]:
    """The GPUs of the processes that are started for a plan, and who shares which."""
    given: list[Any] = []

    def pool(slots: int, context: Any, start: Any, arguments: tuple[Any, ...]) -> None:
        *_, places, shares = arguments
        given.extend([[places.get() for _ in range(slots)], shares])

    context = type("Context", (), {"Queue": Queue, "Lock": threading.Lock, "Semaphore": threading.Semaphore})
    monkeypatch.setattr(executors, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(executors.multiprocessing, "get_context", lambda method: context)
    executors.LocalProcesses(n).open(plan, Path(), lambda job, done, total: None)
    return given[0], given[1]


def test_processes_take_the_gpus_in_turn_and_know_with_whom_they_share_one(
    two_gpus: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-8932f937")
    gpus, shares = places_of(3, planned("bert-tiny"), monkeypatch)
    assert gpus == ["5", "GPU-8932f937", "5"]
    assert {gpu: share.alone for gpu, share in shares.items()} == {"5": False, "GPU-8932f937": True}
    for compute in (Compute(device="cuda:1"), Compute()):
        assert places_of(3, planned("bert-tiny", compute), monkeypatch)[0] == [None] * 3
    two_gpus[1] = "ACME 1"  # its results would not compare with those of the first
    assert places_of(3, planned("bert-tiny"), monkeypatch)[0] == ["5"] * 3


def test_a_process_sees_the_gpu_that_it_was_given_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(executors.threading, "Thread", lambda **how: type("T", (), {"start": lambda self: None})())
    for gpu, expected in ((None, "0,1"), ("1", "1")):
        places: Queue[str | None] = Queue()
        places.put(gpu)
        executors._start_worker(planned("bert-tiny"), Path(), {}, None, places, {gpu: placement.WholeDevice()})
        assert executors.os.environ["CUDA_VISIBLE_DEVICES"] == expected


def test_who_wants_a_device_alone_waits_for_the_others_and_they_for_it() -> None:
    device, inside, seen = SharedDevice(threading, 3), list[int](), list[tuple[bool, int]]()

    def work(number: int) -> None:
        for turn in range(20):
            alone = (number + turn) % 3 == 0
            with device.taken(alone):
                inside.append(number)
                seen.append((alone, len(inside)))
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(seen) == 60
    assert {n for alone, n in seen if alone} == {1}


class Device:
    """A shared device that notes how it is taken."""

    alone, n_bytes = False, 1e12

    def __init__(self) -> None:
        self.notes: list[tuple[bool, int]] = []
        self.now = False

    @contextmanager
    def taken(self, alone: bool) -> Iterator[None]:
        self.now = alone
        yield


@pytest.mark.parametrize(
    ("fits_in", "tried"),
    [
        ((False, 1), [(False, 1)]),
        ((True, 1), [(False, 1), (True, 1)]),
        ((True, 4), [(False, 1), (True, 1), (True, 2), (True, 4)]),
    ],
)
def test_out_of_memory_a_job_is_tried_again_alone_before_it_accumulates_gradients(
    fits_in: tuple[bool, int], tried: list[tuple[bool, int]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan, device, notes = planned("bert-tiny", Compute(threads=1), n_seeds=1), Device(), list[tuple[bool, int]]()

    def tight(work: JobContext) -> Any:
        notes.append((device.now, work.how.gradient_accumulation_steps))
        if notes[-1] < fits_in:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return finetuned(work.plan, work.job, 1)

    monkeypatch.setattr(job, "_work", lambda job: tight)
    cell = next(cell for cell in plan.jobs if cell.kind == "finetune")
    result = job.attempt(CATALOG, plan, cell, tmp_path, lambda done, n: None, share=device)
    assert not isinstance(result, FailedResult)
    assert notes == tried


class Cluster:
    """A Ray cluster with one GPU, as its client sees it: tasks run when they are asked for."""

    def __init__(self) -> None:
        self.parts: list[float] = []

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 8.0, "GPU": 1.0}

    def remote(self, **resources: Any) -> Any:
        return lambda function: Task(self, function)

    def wait(self, references: list[Any], **how: Any) -> tuple[list[Any], list[Any]]:
        return references[:1], references[1:]

    def get(self, reference: Any) -> Any:
        return reference()

    def init(self, **how: Any) -> None:
        """Nothing."""


class Task:
    def __init__(self, cluster: Cluster, function: Any) -> None:
        self.cluster, self.function = cluster, function

    def options(self, num_gpus: float) -> Task:
        self.cluster.parts.append(num_gpus)
        return self

    def remote(self, *arguments: Any) -> Any:
        return lambda: self.function(*arguments)


def test_on_a_cluster_jobs_share_a_gpu_and_one_without_enough_memory_is_sent_again_for_all_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    plan, cluster, shares = planned("bert-tiny", n_seeds=1), Cluster(), list[Any]()

    def attempt(catalog: Any, plan: Plan, cell: Any, folder: Any, progress: Any, cache: Any, share: Any) -> Any:
        shares.append(share)
        try:
            with share.taken(True):
                return finetuned(plan, cell, 1)
        except ZooError as error:
            return FailedResult(job=cell, reason=str(error))

    monkeypatch.setattr(job, "attempt", attempt)
    executor = RayCluster(slots=4)
    executor._ray = cluster
    executor.open(plan, tmp_path, lambda job, done, total: None)
    baseline = next(cell for cell in plan.jobs if cell.kind == "baseline")  # it needs no model to be sent along
    executor.start(baseline)
    assert executor.ended() == []
    ((_, result),) = executor.ended()
    assert not isinstance(result, FailedResult)
    assert cluster.parts == [0.25, 1]
    assert [type(share) for share in shares] == [PartOfDevice, placement.WholeDevice]
