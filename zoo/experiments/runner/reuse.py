"""Reusing results of equal jobs: from another run, or from this one under another name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from zoo.core.files import write_folder
from zoo.core.specs import Variant
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import kind_of, model_folder
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.beside_models import model_bytes
from zoo.experiments.results.folder import Stored
from zoo.experiments.results.records import Finished, ModelResult, renamed
from zoo.weights.folder import VARIANT, CheckpointFolder

CARD = "README.md"


def adopted(stored: Stored, plan: Plan, job: Job, folder: Path) -> Finished:
    """A stored result as that of a job of this plan, with its model, in this folder."""
    found = renamed(stored.result, plan, job)
    place = model_folder(plan, job)
    if place is None or stored.model is None or not kind_of(job).keeps_model(plan, job):
        return found
    _copy_model(stored.model, folder / place, partial(kind_of(job).settled, plan, job))
    if not isinstance(found, ModelResult):
        return found
    size = model_bytes(folder / place)
    return found.model_copy(update={"checkpoint": place, "checkpoint_bytes": size})


def _copy_model(old: Path, new: Path, settled: Callable[[Variant], Variant]) -> None:
    if new != old:
        write_folder(new, partial(_fill, old, settled))


def _fill(old: Path, settled: Callable[[Variant], Variant], new: Path) -> None:
    """Copy the files; only record and card change, as this variant may have another name or later phases."""
    shutil.copytree(old, new, dirs_exist_ok=True)
    before = CheckpointFolder(old).record
    record = settled(before).uncompressed
    (new / VARIANT).write_text(record.model_dump_json(indent=2), encoding="utf-8")
    if (card := new / CARD).exists():
        text = card.read_text(encoding="utf-8")
        card.write_text(text.replace(f"# {before.name}\n", f"# {record.name}\n", 1), encoding="utf-8")
