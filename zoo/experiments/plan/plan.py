"""A plan, which can be saved, sent and run again, and its jobs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, model_validator

from zoo.core.json_files import read_strictly
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kinds import JOB_KINDS, kind_of
from zoo.experiments.plan.model_jobs import start_job
from zoo.experiments.plan.spec import PlanSpec, refuse_twice


class Plan(PlanSpec):
    """What is compared, and the jobs for it."""

    @model_validator(mode="after")
    def _names_each_job_once(self) -> Self:
        refuse_twice("job", [job.name for job in self.jobs])
        return self

    @cached_property
    def jobs(self) -> list[Job]:
        """All jobs, each after those that it needs."""
        return [job for kind in JOB_KINDS.values() for job in kind.jobs(self)]

    def needs(self, job: Job) -> tuple[Job, ...]:
        """The jobs whose results a job needs."""
        return kind_of(job).needs(self, job)

    def with_needs(self, jobs: Iterable[Job]) -> list[Job]:
        """Jobs in this order, and before each those that it needs and that were not there yet."""
        found: dict[Job, None] = {}
        for job in jobs:
            found |= dict.fromkeys((*self.with_needs(self.needs(job)), job))
        return list(found)

    def start_job(self, system: str, seed: int, at: int | None = None) -> Job:
        """The job that makes a variant's model as it was pre-trained, for fine-tunings of this seed."""
        return start_job(self, system, seed, at)


def read_plan(path: Path) -> Plan:
    """A saved plan. Raises Damaged if there is none, or it is malformed."""
    return read_strictly(TypeAdapter(Plan), path, "a plan", "fetch it again, or make a new plan")
