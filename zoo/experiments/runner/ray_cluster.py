"""Jobs on a Ray cluster: many machines, without a shared disk."""

from __future__ import annotations

import socket
from getpass import getuser
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from zoo.core.errors import ZooError
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.records import FailedResult, Result
from zoo.experiments.runner.executors import WATCH_EVERY, Ended, Moved
from zoo.experiments.runner.placement import SHARE_TOO_SMALL, PartOfDevice, WholeDevice, fits, free_gpu_memory
from zoo.registry.catalog import Catalog

RETRIES = 3
"""How often a job is restarted after its worker or machine was lost."""

PATIENCE = 10.0
"""Seconds within which a cluster must answer."""

Files = dict[str, bytes]
"""File contents by path below a run folder."""


def ray_cluster(catalog: Catalog, workers: int, address: str | None) -> RayCluster:
    """An existing cluster, or one with the given workers on this machine. Raises ZooError if Ray is missing."""
    return RayCluster(address, workers)


class RayCluster:
    """Jobs as Ray tasks, each with the plan's threads as processors.

    Checkpoints travel with the jobs; a corpus or task folder must be at the same path on every machine, with the same
    content, or the job fails. With no address a cluster of `slots` workers is made on this machine.
    Raises ZooError if Ray is missing or no cluster answers.
    """

    def __init__(self, address: str | None = None, slots: int = 2) -> None:
        try:
            import ray
        except ImportError:
            raise ZooError('Ray is not installed; pip install "encoder-zoo[ray]"') from None
        self._ray: Any = ray
        self._address = address
        self.slots = max(1, slots)
        self._running: dict[Any, Job] = {}
        self._models: dict[str, Any] = {}

    def open(self, plan: Plan, folder: Path, moved: Moved) -> None:
        """As Executor says; steps within a job are not reported. Several jobs share a GPU, as its memory allows."""
        self._plan, self._folder = plan, folder
        _refuse_unreachable(self._address)
        how = {"address": self._address} if self._address else {"num_cpus": self.slots * (plan.compute.threads or 1)}
        try:
            self._ray.init(**how, log_to_driver=False, include_dashboard=False, logging_level="error")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ZooError(f"no Ray cluster answers at {self._address}: {' '.join(str(error).split())}") from error
        if self._address:
            self.slots = max(1, int(self._ray.cluster_resources().get("CPU", 1)) // (plan.compute.threads or 1))
        self._part = self._part_of_gpu() if plan.compute.device.startswith("cuda") else 0.0
        self._do = self._ray.remote(num_cpus=plan.compute.threads or 1, max_retries=RETRIES)(_work)

    def _part_of_gpu(self) -> float:
        """The part of a GPU that a job gets. Raises ZooError if the cluster has none."""
        n_gpus = int(self._ray.cluster_resources().get("GPU", 0))
        if not n_gpus:
            raise ZooError(f"the Ray cluster has no GPU, and the plan computes on {self._plan.compute.device}")
        if not self._address:
            return 1 / max(1, -(-self.slots // n_gpus))
        per_gpu = fits(self._plan, self._ray.get(self._ray.remote(num_gpus=1)(free_gpu_memory).remote()))
        self.slots = max(1, min(self.slots, n_gpus * per_gpu))
        return 1 / per_gpu

    def start(self, job: Job) -> None:
        """As Executor says."""
        self._send(job, self._part)

    def _send(self, job: Job, part: float) -> None:
        sent = [self._model(needed) for needed in self._plan.needs(job)]
        self._running[self._do.options(num_gpus=part).remote(self._plan, job, part, *sent)] = job

    def ended(self) -> list[Ended]:
        """As Executor says."""
        done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=WATCH_EVERY)
        finished: list[Ended] = []
        for reference in done:
            job = self._running.pop(reference)
            try:
                result, files = self._ray.get(reference)
                _write(self._folder, files)
            except (self._ray.exceptions.RayError, OSError) as error:
                reason = f"lost on the cluster, {RETRIES + 1} times: {' '.join(str(error).split())[:300]}"
                result = FailedResult(job=job, reason=reason)
            if isinstance(result, FailedResult) and result.reason == SHARE_TOO_SMALL:
                self._send(job, 1)
            else:
                finished.append((job, result))
        return finished

    def close(self) -> None:
        """As Executor says."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def _model(self, needed: Job) -> Any:
        """The model files of a job, put into the cluster's store once."""
        if needed.name not in self._models:
            place = self._folder / str(model_folder(self._plan, needed))
            self._models[needed.name] = self._ray.put(_read(self._folder, place))
        return self._models[needed.name]


def _refuse_unreachable(address: str | None) -> None:
    """Check first: Ray ends the whole process if nothing answers."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except OSError as error:
        raise ZooError(f"no Ray cluster answers at {address}: {error.strerror or error}") from None


def _work(plan: Plan, job: Job, part: float, *models: Files) -> tuple[Result, Files]:
    """A job's result and files, made in the worker's own folder, on a part of a GPU if it is less than 1."""
    from zoo.experiments.runner.job import attempt

    with TemporaryDirectory() as name:
        folder = Path(name)
        sent = {path: content for files in models for path, content in files.items()}
        _write(folder, sent)
        share = PartOfDevice() if 0 < part < 1 else WholeDevice()
        result = attempt(Catalog.installed(), plan, job, folder, lambda done, total: None, _cache(plan), share)
        return result, {path: content for path, content in _read(folder, folder).items() if path not in sent}


def _cache(plan: Plan) -> Path:
    """The folder of a machine's tokenized text of a plan, for all its jobs."""
    return Path(gettempdir()) / f"encoder-zoo-{getuser()}-{plan.content_hash[:16]}"


def _read(folder: Path, place: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def _write(folder: Path, files: Files) -> None:
    """Write each completely or not at all; the result that names them is written last."""
    from zoo.core.files import write_bytes

    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / path, content)
