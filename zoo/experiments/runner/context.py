"""What the work of a job is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.folder import CORPORA
from zoo.registry.catalog import Catalog
from zoo.train.loop import Progress
from zoo.train.step import StepConfig


@dataclass(frozen=True)
class JobContext:
    """A job, the plan and the run folder that it belongs to, and how its training steps are carried out."""

    catalog: Catalog
    plan: Plan
    job: Job
    folder: Path
    progress: Progress
    how: StepConfig
    cache: Path | None = None

    @property
    def corpora(self) -> Path:
        """The folder of tokenized text, shared by all jobs: of this machine where it is given, else of the run."""
        return self.cache or self.folder / CORPORA

    def start(self) -> Path:
        """The folder of the model that the job starts from."""
        (needed,) = self.plan.needs(self.job)
        return self.folder / str(model_folder(self.plan, needed))

    def model_folder(self) -> Path:
        """The folder of the model that the job's result is of."""
        return self.folder / str(model_folder(self.plan, self.job))
