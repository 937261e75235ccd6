"""The kind of job that scores a baseline."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.experiments.plan.inputs import Inputs
from zoo.experiments.plan.job import Job
from zoo.experiments.plan.job_kind import CHARACTERS_PER_WORD, JobKind, text_of
from zoo.experiments.plan.spec import PlanSpec

SECONDS_PER_CHARACTER = 4e-6
"""Of the text that a bag of words learns and scores, on one core; the other baselines take less."""


class Baseline(JobKind):
    """Score a system that reads no sentence."""

    name = "baseline"

    def jobs(self, plan: PlanSpec) -> Iterable[Job]:
        """One per task and baseline."""
        return (
            Job(kind=self.name, system=name, task=task.name, seed=0) for task in plan.tasks for name in task.baselines
        )

    def title(self, job: Job) -> str:
        """As JobKind says."""
        return f"{job.system} on {job.task}"

    def inputs(self, plan: PlanSpec, job: Job) -> Inputs:
        """As JobKind says."""
        task = plan.task(str(job.task))
        source = {"trained_on": plan.task(task.trained_on).content} if task.trained_on else {}
        return {"baseline": job.system, "task": task.content, **source}

    def size(self, plan: PlanSpec, job: Job) -> float:
        """The task's text, which those read that learn."""
        return self.text(plan, job) / CHARACTERS_PER_WORD

    def text(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says."""
        return text_of(plan.task(str(job.task)))

    def untried_seconds(self, plan: PlanSpec, job: Job) -> float:
        """As JobKind says; to try one would import scikit-learn."""
        return SECONDS_PER_CHARACTER * self.text(plan, job)
