"""The model of a fine-tuning job beside its teacher."""

from __future__ import annotations

from functools import partial

import torch

from zoo.checkpoints import load
from zoo.experiments.runner.context import JobContext
from zoo.inference.predict_task import class_order, in_order
from zoo.inference.predict_text import head_for_text
from zoo.model import Model
from zoo.tasks.task import Task
from zoo.train.distillation import Lesson, Student


def taught(work: JobContext, model: Model, task: Task) -> Model:
    """The model as it is trained: with its teacher, if its variant has one."""
    record = work.plan.variant(work.job.system).distillation
    if record.teacher is None:
        return model
    teacher = load(work.teacher(), dtype=torch.float32, catalog=work.catalog)
    for tensor in (*teacher.parameters(), *teacher.buffers()):
        tensor.data = tensor.data.clone()  # bits may depend on where in a file they are mapped from
    its = head_for_text(teacher)
    name = next(name for name in teacher.objective_names if teacher.objective(name) is its)
    lesson = Lesson(record, task.name, name, partial(in_order, order=class_order(its.config, task)))
    return Student(model, teacher.to(work.how.compute.torch_device), lesson, work.job.seed)
