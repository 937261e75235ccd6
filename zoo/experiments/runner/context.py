"""What the work of a job is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.registry.catalog import Catalog
from zoo.train.loop import Execution, Progress


@dataclass(frozen=True)
class JobContext:
    """A job, the plan and the run folder that it belongs to, and how its training steps are carried out."""

    catalog: Catalog
    plan: Plan
    job: Job
    folder: Path
    progress: Progress
    how: Execution
