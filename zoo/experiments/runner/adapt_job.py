"""The work of going on from a pre-training with a task's own text."""

from __future__ import annotations

from functools import partial

from zoo.core.specs import Distillation
from zoo.experiments.plan.corpus import TasksCorpus
from zoo.experiments.plan.model_jobs import text_hash
from zoo.experiments.results.records import ModelResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.pretrain_job import trained_on
from zoo.experiments.runner.scoring import planned_data
from zoo.pretraining.source import TextSource
from zoo.weights.folder import CheckpointFolder


def adapt(work: JobContext) -> ModelResult:
    """Pre-train further on the training text of a task, without labels; dev and test are not read.

    Raises as `pretrain` does, and RunFailed if the task's data are no longer those that were planned.
    """
    plan, job, start = work.plan, work.job, work.start()
    task, _ = planned_data(work)
    asked = plan.variant(job.system).model_copy(update={"dims": CheckpointFolder(start).record.dims})
    phase = {"pretraining": asked.adaptation.phase(asked.pretraining), "distillation": Distillation()}
    variant = asked.model_copy(update=phase)
    corpus = TasksCorpus(tasks=(task.name,), folder=plan.data_folder)
    text = TextSource(
        f"the training text of {task.name}", text_hash(plan, job), partial(corpus.documents, work.catalog)
    )
    return trained_on(work, variant, text, 0.0, initial_weights=str(start))
