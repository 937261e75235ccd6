"""The work of keeping a model in training, where its pre-training has not left it on its way."""

from __future__ import annotations

from zoo.experiments.plan.model_jobs import step_of
from zoo.experiments.results.records import ModelResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.pretrain_job import trained


def checkpoint(work: JobContext) -> ModelResult:
    """Pre-train as far as its point, as where another run's pre-training was reused. Raises as `pretrain` does."""
    return trained(work, stop_after=step_of(work.plan, work.job))
