"""What statistics and reports need of a run, whether the zoo or another tool made its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from zoo.experiments.plan.claims import Claims
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.planned import PlannedSplit
from zoo.experiments.results.gold_labels import Answers, Groups
from zoo.tasks.scoring import Scored


class ScoredTask(Scored, Protocol):
    """A task on which systems are compared."""

    @property
    def baselines(self) -> tuple[str, ...]: ...
    @property
    def dev(self) -> Mapping[str, PlannedSplit]: ...
    @property
    def measures(self) -> tuple[str, ...]:
        """Its metrics, as reports call them."""


class Contest(Protocol):
    """Who is compared on what."""

    @property
    def names(self) -> tuple[str, ...]:
        """The systems that are compared, without baselines."""

    @property
    def tasks(self) -> Sequence[ScoredTask]: ...
    @property
    def baselines(self) -> tuple[str, ...]: ...
    @property
    def averaged(self) -> tuple[str, ...]:
        """The tasks in the mean over tasks."""

    @property
    def claims(self) -> Claims: ...
    def task(self, name: str) -> ScoredTask: ...
    def unseeded_on(self, task: str) -> tuple[str, ...]:
        """The systems that a task scores once, whatever the seeds."""
        ...

    def n_seeds(self, system: str, task: str) -> int:
        """How many results of a system a task should have."""
        ...


class ScoredResult(Protocol):
    """A system's predictions and scores on a task with one seed."""

    @property
    def job(self) -> Job: ...
    @property
    def scores(self) -> Mapping[str, Mapping[str, float]]: ...
    @property
    def main_score(self) -> float: ...
    @property
    def predictions(self) -> Mapping[str, Sequence[Any]]: ...


class ScoredRun(Protocol):
    """A contest, its results, and the gold labels of its tasks."""

    @property
    def plan(self) -> Contest: ...
    @property
    def gold(self) -> Mapping[str, Answers]: ...
    @property
    def groups(self) -> Mapping[str, Groups]: ...
    @property
    def systems(self) -> tuple[str, ...]: ...
    def finetuned(self, system: str, task: str | None = None) -> Sequence[ScoredResult]: ...
    def failed(self, system: str, task: str) -> bool:
        """Whether a result is missing because its job failed."""
        ...

    def model_keys(self, task: str) -> Mapping[str, str]:
        """By system, a hash of what its scores on a task depend on; systems of which that is unknown are left out."""
        ...
