"""Where the models of a run lie in its folder."""

from __future__ import annotations

from pathlib import Path

from zoo.experiments.plan.plan import Job, Plan, slug

CORPORA, UNFINISHED = "corpora", "unfinished"
"""The folders of tokenized text and of jobs under way, removed when all jobs are done."""


def checkpoint_folder(folder: Path, plan: Plan, job: Job) -> Path:
    """Where the checkpoint that a job makes or stands on lies in a run folder."""
    origin = plan.pretraining_of(job)
    first = origin.seed == plan.pretraining_seed
    return folder / "checkpoints" / slug(origin.system if first else f"{origin.system}-s{origin.seed}")


def finetuned_folder(folder: Path, job: Job) -> Path:
    """Where a fine-tuned model lies in a run folder, if the plan keeps it."""
    return folder / "finetuned" / job.name
