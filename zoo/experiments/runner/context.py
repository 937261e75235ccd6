"""The input of a job's work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.folder import SHARED
from zoo.registry.catalog import Catalog
from zoo.train.loop import Progress
from zoo.train.step import StepConfig


@dataclass(frozen=True)
class JobContext:
    """A job, its plan and run folder, and how its training steps run."""

    catalog: Catalog
    plan: Plan
    job: Job
    folder: Path
    progress: Progress
    how: StepConfig
    cache: Path | None = None

    @property
    def shared(self) -> Path:
        """The folder of what several jobs read and one makes, as tokenized text: this machine's if given, else the
        run's.
        """
        return self.cache or self.folder / SHARED

    def start(self) -> Path:
        """The folder of the model that the job starts from."""
        return self._model_of_need(0)

    def teacher(self) -> Path:
        """The folder of the model that the job's model learns from."""
        return self._model_of_need(-1)

    def _model_of_need(self, place: int) -> Path:
        return self.folder / str(model_folder(self.plan, self.plan.needs(self.job)[place]))

    def model_folder(self) -> Path:
        """The folder of the model that the job's result is of."""
        return self.folder / str(model_folder(self.plan, self.job))
