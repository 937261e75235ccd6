"""Results of equal jobs, taken over: from another run, or from this one under another name."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from zoo.core.files import write_folder
from zoo.core.specs import Variant
from zoo.experiments.plan.plan import Job, Plan
from zoo.experiments.results.folder import checkpoint_folder, finetuned_folder
from zoo.experiments.results.records import FinetuneResult, PretrainResult, renamed
from zoo.weights.folder import VARIANT, read_variant

CARD = "README.md"


def adopted(
    found: PretrainResult | FinetuneResult, source: Path, plan: Plan, job: Job, folder: Path
) -> PretrainResult | FinetuneResult:
    """A result of a run folder as that of a job of this plan, with the model that belongs to it, in this folder."""
    if isinstance(found, FinetuneResult):
        kept = finetuned_folder(source, found.job)
        if kept.is_dir():
            _copy_model(kept, finetuned_folder(folder, job), plan.variant(job.system))
        return renamed(found, plan, job)
    place = checkpoint_folder(folder, plan, job)
    _copy_model(source / found.checkpoint, place, plan.variant(job.system))
    size = sum(path.stat().st_size for path in place.iterdir())
    lies: dict[str, object] = {"checkpoint": str(place.relative_to(folder)), "checkpoint_bytes": size}
    return renamed(found, plan, job).model_copy(update=lies)


def _copy_model(old: Path, new: Path, variant: Variant) -> None:
    if new != old:
        write_folder(new, partial(_fill, old, variant))


def _fill(old: Path, variant: Variant, new: Path) -> None:
    """The files as they are; only record and card are this variant's, which may have another name or later phases."""
    shutil.copytree(old, new, dirs_exist_ok=True)
    before = read_variant(old)
    record = variant.model_copy(update={"dims": before.dims})
    (new / VARIANT).write_text(record.model_dump_json(indent=2), encoding="utf-8")
    if (card := new / CARD).exists():
        text = card.read_text(encoding="utf-8")
        card.write_text(text.replace(f"# {before.name}\n", f"# {variant.name}\n", 1), encoding="utf-8")
