"""A comparison on a Ray cluster of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.experiments.runner.test_sharing import compare, done, fingerprints
from tests.typed import typed

pytest.importorskip("ray", reason="Ray is not installed")

pytestmark = pytest.mark.slow


def test_a_lost_worker_is_replaced_and_the_results_are_those_of_one_process(small: list[str], tmp_path: Path) -> None:
    alone = compare(tmp_path / "alone", *small)
    assert alone.returncode == 0, alone.stderr
    command = [sys.executable, "-m", "zoo", "compare", *small, "--executor", "ray", "--workers", "1"]
    killed: list[int] = []
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "cluster")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        ended = threading.Event()
        killer = threading.Thread(target=_kill_one_at_work, args=(ended, killed))
        killer.start()
        told = run.communicate(timeout=600)[1]
        ended.set()
        killer.join()
    assert run.returncode == 0, told
    assert killed
    assert len(done(told)) == 6
    assert fingerprints(tmp_path / "cluster") == fingerprints(tmp_path / "alone")


def _kill_one_at_work(ended: threading.Event, killed: list[int]) -> None:
    """Kill the first worker that is seen with a job; Ray names its processes by what they do."""
    while not ended.wait(0.05) and not killed:
        for line in subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True).stdout.splitlines():
            pid, _, name = line.strip().partition(" ")
            if name.strip().startswith("ray::_work") and not killed:
                os.kill(int(pid), signal.SIGKILL)
                killed.append(int(pid))


def test_without_a_cluster_at_the_address_it_is_said(small: list[str], tmp_path: Path) -> None:
    refused = typed("compare", *small, "--executor", "ray", "--address", "127.0.0.1:1", "--out", tmp_path / "run")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == ["error: no Ray cluster answers at 127.0.0.1:1: Connection refused"]


def test_an_address_without_ray_is_refused(small: list[str]) -> None:
    refused = typed("compare", *small, "--address", "127.0.0.1:1")
    assert refused.returncode == 2
    assert "give --executor ray with it" in refused.stderr
