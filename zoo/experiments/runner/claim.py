"""Which run a folder belongs to."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path

from zoo.core.errors import ZooError, listed
from zoo.core.files import make_folder, write_text
from zoo.experiments.plan.cache_key import cache_keys
from zoo.experiments.plan.changes import changes
from zoo.experiments.plan.plan import Plan, read_plan
from zoo.experiments.results.folder import MADE, write_made
from zoo.experiments.runner.job_store import JobStore
from zoo.machine.environment import Environment

log = logging.getLogger("zoo")


def claim(plan: Plan, folder: Path, place: Environment, command: str = "") -> None:
    """Claim a run folder for this plan: a new one, that of the same plan, or that of a plan which this one extends.

    Raises ZooError, and changes nothing, if it belongs to anything else.
    """
    path = folder / "plan.json"
    if path.exists():
        if (old := read_plan(path)).content_hash != plan.content_hash:
            _check_extended(old, plan, folder, place)
            (folder / MADE).unlink(missing_ok=True)  # what the folder holds from now on is made by another command
    elif folder.is_dir() and not all(_half_written(found) for found in folder.iterdir()):
        raise ZooError(f"{folder} is not empty and holds no run; give another --out")
    make_folder(folder)
    write_text(path, plan.model_dump_json(indent=1))
    make_folder(folder / "jobs")
    if command:
        write_made(folder, command)


def _check_extended(old: Plan, plan: Plan, folder: Path, place: Environment) -> None:
    """Raises ZooError unless every job of the old plan is one of this plan, and every result is still valid."""
    keys, differing = cache_keys(plan, place), changes(old, plan)
    if old.compute != plan.compute or any(keys.get(job) != key for job, key in cache_keys(old, place).items()):
        raise ZooError(
            f"{folder} holds the run of another plan, whose jobs are not all in this one. What differs: "
            f"{listed(differing, 3)}. Give another --out, and --reuse {shlex.quote(str(folder))} to take over "
            "the jobs that are the same"
        )
    JobStore(plan, folder, place).states()
    log.warning(f"{folder} holds a part of this run, which is extended: {listed(differing, 3)}")


def _half_written(path: Path) -> bool:
    """A plan being written by a run that starts at the same time, or was killed at its start."""
    return path.name.startswith(".plan.json")
